"""What may be claimed of an arm once its controls are known, in sentences: a control is never an improvement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reports import formatting
from reports.controls import ControlRow, Controls
from reports.leaderboard import ArmRow, Leaderboard
from reports.read import Run
from reports.read.controls import ControlView


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What one kind of control is for. In `asks`, {arms} stands for the arms that it is a control of."""

    does: str
    """What it does in place of the idea."""
    asks: str
    """What it would show, after "would show"."""
    succeeded: str
    """What it means that it scores higher than the baseline."""
    source: str
    """Where the gain of an arm that doesn't beat it need not come from."""


MEANINGS: Mapping[str, Meaning] = {
    "noise_novelty": Meaning(
        does="hands out the same bonus, shuffled among rollouts of a group that did equally well",
        asks="whether the bonus of {arms} says more than noise of its size",
        succeeded="noise does as much",
        source="what its bonus says",
    ),
    "random_subset": Meaning(
        does="picks its prompts by lot",
        asks="whether it matters which prompts are picked in {arms}",
        succeeded="prompts picked by lot do as much",
        source="which prompts it picks",
    ),
    "with_resets": Meaning(
        does="resets about as often, at random times",
        asks="whether it matters when the resets of {arms} come",
        succeeded="resets at random times do as much",
        source="when it resets",
    ),
    "random_reward": Meaning(
        does="tosses a coin for each reward",
        asks="what rewards that mean nothing do",
        succeeded="rewards that mean nothing did it",
        source="what is rewarded",
    ),
    "format_reward": Meaning(
        does="rewards any answer that can be read",
        asks="what it brings just to state an answer",
        succeeded="being paid for any answer that can be read did it",
        source="better reasoning",
    ),
    "grpo": Meaning(
        does="is plain training",
        asks="what plain training does",
        succeeded="plain training did it",
        source="exploration",
    ),
}

OTHER = Meaning(
    does="leaves the idea out",
    asks="whether the idea of {arms} matters",
    succeeded="it does as much without the idea",
    source="its idea",
)


def meaning_of(control: ControlView) -> Meaning:
    """Return what a control is for."""
    return MEANINGS.get(control.kind, OTHER)


def does(run: Run) -> str:
    """Return what the controls that belong to arms do in place of the idea, each kind once."""
    kinds = {control.kind: meaning_of(control).does for control in run.plan.controls.arms.values() if control.of}
    return "; ".join(f"{kind} {words}" for kind, words in kinds.items())


def switched_off(run: Run) -> str | None:
    """Return that the plan switched its controls off, and what that leaves open; None when they are on."""
    found = run.plan.controls
    if found.on:
        return None
    if not found.left_out:
        return "Controls are switched off in this plan, and none that belongs to its arms is missing."
    kinds: dict[str, list[ControlView]] = {}
    for control in found.left_out:
        kinds.setdefault(control.kind, []).append(control)
    missing = [_would_show(alike) for alike in kinds.values()]
    verb = "was" if len(found.left_out) == 1 else "were"
    return f"Controls are switched off in this plan: {', and '.join(missing)}, {verb} not trained."


def against_controls(board: Leaderboard, found: Controls) -> list[str]:
    """Return, for each arm that improved on the baseline, how it stands against its own controls."""
    better = [row.arm for row in board.candidates if row.verdict == "improved"]
    return [_stands(row, found.joint) for arm in better for row in found.of(arm)]


def of_controls(run: Run, board: Leaderboard) -> str:
    """Return how the controls stand against the baseline, and what it means where one is higher; empty without any."""
    rows = [row for row in board.rows if row.arm in run.plan.controls.arms and row.arm != board.baseline]
    judged = [row for row in rows if row.verdict in ("improved", "regressed")]
    clear = [_judged(row, run.plan.controls.arms[row.arm], board) for row in judged]
    unsure = [row.arm for row in rows if row.verdict == "can't tell"]
    missing = [row.arm for row in rows if row.verdict is None]
    same = [row.arm for row in rows if row.verdict == "equivalent"]
    if same:
        verb = "counts" if len(same) == 1 else "count"
        clear.append(f"{formatting.listing(same)} {verb} as equivalent to the baseline {board.baseline}")
    if unsure:
        from_baseline = "" if clear else f" from the baseline {board.baseline}"
        clear.append(f"this run can't tell {formatting.listing(unsure)}{from_baseline}")
    if missing:
        clear.append(f"{formatting.listing(missing)} can't be compared yet")
    return f"Of the controls: {'; '.join(clear)}." if clear else ""


def _would_show(alike: list[ControlView]) -> str:
    """Return the names of controls of one kind, and what they would show."""
    arms = list(dict.fromkeys(arm for control in alike for arm in control.of))
    asks = meaning_of(alike[0]).asks.replace("{arms}", formatting.listing(arms) if arms else "this plan")
    return f"{formatting.listing([control.name for control in alike])}, which would show {asks}"


def _judged(row: ArmRow, control: ControlView, board: Leaderboard) -> str:
    if row.difference is None:
        raise ValueError(f"{row.arm} has no difference to put in words")
    size = formatting.size(row.difference, board.joint)
    if row.verdict == "regressed":
        return f"{row.arm} scores {size} lower than the baseline {board.baseline}"
    meaning = meaning_of(control)
    gain = f"a gain of {formatting.listing(list(control.of))}" if control.of else "a gain in this run"
    return (
        f"{row.arm} scores {size} higher than the baseline {board.baseline}, which is no improvement but a warning: "
        f"{meaning.succeeded}, so {gain} need not come from {meaning.source}"
    )


def _stands(row: ControlRow, joint: str) -> str:
    control, source = row.control.name, meaning_of(row.control).source
    if row.difference is None:
        why = "in every seed a cell failed" if row.hopeless else "no seed has a score of both yet"
        return f"Whether {row.arm} gains more than its control {control} is unknown: {why}."
    found = row.against.verdict
    if found == "improved":
        return f"{row.arm} also scores {formatting.size(row.difference, joint)} higher than its control {control}."
    so = f"its gain need not come from {source}"
    if found == "equivalent":
        return f"But {row.arm} gains no more than its control {control}: {so}."
    if found == "regressed":
        return f"But {row.arm} scores {formatting.size(row.difference, joint)} lower than its control {control}: {so}."
    return f"But this run can't tell {row.arm} from its control {control}: {so}."
