"""The answer in plain sentences, made from the numbers and never saying more than they do."""

from __future__ import annotations

from collections import Counter

from reports import formatting
from reports.claims import against_controls, of_controls, switched_off
from reports.comparison import PRIMARY, entropy_change
from reports.controls import controls
from reports.drawbacks import broken_and_dear
from reports.leaderboard import ArmRow, Leaderboard
from reports.origin import failed_trials, origin_of_parameters, unchosen
from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.statistics import side
from reports.verdicts.family import judged

FEW_SEEDS = 5
"""Below this many, a t interval is so wide that "can't tell" says little."""


def plain_answer(run: Run, board: Leaderboard) -> list[str]:
    """Return what the run shows, most important first.

    The arms and whether they beat their controls, the controls themselves, what arms broke, how they fell and what
    they cost, training itself, entropy, whether controls were switched off, what to be wary of.
    """
    if not board.trained:
        nothing = "No trained arm has been evaluated yet: only the untrained model has scores so far."
        return [nothing, *filter(None, [switched_off(run)])]
    against = " ".join(against_controls(board, controls(run, board.at)))
    sentences = [_arms(board), against, of_controls(run, board), *broken_and_dear(board)]
    sentences += [_training(run, board), _entropy(run)]
    return [sentence for sentence in (*sentences, switched_off(run), _caution(run, board)) if sentence]


def standing(run: Run, board: Leaderboard) -> str | None:
    """Return how unfinished the run is, or None when every cell is done."""
    states = Counter(cell.state for cell in run.cells)
    without = unchosen(run)
    states["without parameters"] = len(without) * len(run.plan.seeds)
    if states["done"] == states.total():
        return None
    order = ("running", "interrupted", "failed", "waiting", "without parameters")
    rest = [f"{states[state]} {state}" for state in order if states[state]]
    text = f"Partial report: {states['done']} of {states.total()} cells are done ({formatting.listing(rest)})."
    if without:
        text += "".join(f" Parameters of {arm}: {origin_of_parameters(run, arm)}." for arm in without)
    if board.at.share is not None and 0 < board.at.share < 1:
        text += f" No cell has reached the end, so arms are compared {board.at.words}."
    return text


def _arms(board: Leaderboard) -> str:
    rows = board.candidates
    if not rows and board.challengers:
        return f"Every arm that is compared with the baseline {board.baseline} is a control: no improvement to report."
    scored = [row for row in rows if row.difference is not None]
    if not scored:
        return f"There is no arm to compare with the baseline {board.baseline} yet."
    parts = [
        f"{_gain(row, board.joint)} than the baseline {board.baseline}"
        for row in sorted(scored, key=lambda row: -row.difference.mean if row.difference else 0.0)
        if row.verdict in ("improved", "regressed")
    ]
    same = [row for row in scored if row.verdict == "equivalent"]
    parts += [_equivalent(row, board) for row in same]
    unsure = [row.arm for row in scored if row.verdict == "can't tell"]
    if unsure and parts:
        parts.append(f"for {formatting.listing(unsure)} this run can't tell")
    elif unsure:
        parts.append(
            f"this run can't tell {formatting.listing(unsure)} from the baseline {board.baseline}: "
            + (f"no {board.joint} is clear enough of zero" if _any_interval(scored) else "there is one seed only")
        )
    missing = [row.arm for row in rows if row.difference is None]
    if missing:
        parts.append(f"{formatting.listing(missing)} can't be compared yet")
    return f"On {board.primary}, {'; '.join(parts)}."


def _equivalent(row: ArmRow, board: Leaderboard) -> str:
    if row.against is None or row.difference is None:
        raise ValueError(f"{row.arm} has no difference to put in words")
    within = f"within {100 * row.against.margin:.1f} points"
    difference = formatting.points(row.difference)
    return f"{row.arm} counts as equivalent to the baseline {board.baseline} ({difference}, {within})"


def _any_interval(rows: list[ArmRow]) -> bool:
    return any(row.difference is not None and row.difference.low is not None for row in rows)


def _gain(row: ArmRow, interval: str) -> str:
    if row.difference is None:
        raise ValueError(f"{row.arm} has no difference to put in words")
    word = "higher" if row.difference.mean > 0 else "lower"
    return f"{row.arm} scores {formatting.size(row.difference, interval)} {word}"


def _training(run: Run, board: Leaderboard) -> str:
    (against,) = judged(run, [(board.baseline, BASE_ARM)], board.at, PRIMARY)
    rise = against.interval
    if rise is None or against.verdict is None:
        return f"The baseline {board.baseline} can't be compared with the untrained model yet."
    ends = {row.arm: row.primary for row in board.rows}
    start, end = ends[BASE_ARM], ends[board.baseline]
    if start is None or end is None:
        return ""
    moved = "up" if rise.mean >= 0 else "down"
    text = (
        f"Training with {board.baseline} took the score from {formatting.percent(start.mean)} (untrained) to "
        f"{formatting.percent(end.mean)}, {moved} by {formatting.size(rise)}"
    )
    said = {
        "improved": ": it learned.",
        "regressed": ": training did harm.",
        "equivalent": ": no matter.",
        "can't tell": ": this run can't tell that from no change.",
    }
    return text + said[against.verdict]


def _entropy(run: Run) -> str:
    found = entropy_change(run, run.plan.baseline)
    if found is None:
        return ""
    start, end, change = found
    text = f"Meanwhile the token entropy of {run.plan.baseline} went from {start:.2f} to {end:.2f} nats"
    if change.low is None or change.high is None:
        return f"{text} (1 seed, no interval)."
    interval = f"change {change.mean:+.2f}, 95% interval {change.low:+.2f} to {change.high:+.2f}"
    words = {"above": "it rose", "below": "it fell", "can't tell": "this run can't tell that from no change"}
    return f"{text} ({interval}): {words[side(change)]}.".replace("-", "\N{MINUS SIGN}")


def _caution(run: Run, board: Leaderboard) -> str:
    seeds = [row.seeds for row in board.rows if row.seeds]
    fewest, most = min(seeds), max(seeds)
    parts = []
    if fewest < FEW_SEEDS:
        amount = formatting.counted(fewest, "seed")
        few = (
            f"{amount} per arm {'is' if fewest == 1 else 'are'} few"
            if fewest == most
            else f"some arms have only {amount}"
        )
        parts.append(f"{few}, so “can't tell” means not measured finely enough, not equal")
    parts += [
        f"{row.arm} and {board.baseline} are not paired on {row.against.left_out}"
        for row in board.rows
        if row.against is not None and row.against.left_out and row.arm != BASE_ARM and row.seeds
    ]
    failed = sum(cell.state == "failed" for cell in run.cells)
    if failed:
        verb = "is" if failed == 1 else "are"
        parts.append(f"{formatting.counted(failed, 'failed cell')} {verb} left out of the means")
    parts += _tuning_cautions(run)
    return f"Caution: {'; '.join(parts)}." if parts else ""


def _tuning_cautions(run: Run) -> list[str]:
    tuning = run.tuning
    if tuning is None:
        return []
    tuned = list(tuning.plan.grids)
    parts = []
    if run.plan.baseline not in tuned:
        verb = "was" if len(tuned) == 1 else "were"
        parts.append(f"{formatting.listing(tuned)} {verb} tuned and the baseline {run.plan.baseline} was not")
    for arm in tuned:
        failed = failed_trials(tuning, arm)
        if failed and tuning.chosen.get(arm) is not None:
            parts.append(f"{failed} of {len(tuning.of(arm))} trials of {arm} failed, so it was tuned on the rest")
    return parts
