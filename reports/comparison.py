"""Scores of arms by seed, and their means, where the cells are compared."""

from __future__ import annotations

from collections import Counter

from reports.read import Run
from reports.reading import Reading, at_best, at_checkpoint
from reports.statistics import Interval, mean_interval, paired_difference

PRIMARY = None
"""Stands for the plan's primary score, the plain mean over its primary suites, where a suite is asked."""


def default_reading(run: Run) -> Reading:
    """Return where the plan says that arms are compared, as far as its cells have come.

    With `compare_at: last`, that is the last checkpoint as soon as any cell reached it; before that, the one that most
    cells have reached; no trained cell counts while none was evaluated.
    """
    if run.plan.compare_at is not None:
        best = at_best(run, run.plan.compare_at)
        if best.weights:
            return best
    reached: Counter[int] = Counter()
    for arm in run.plan.trained_arms:
        for checkpoint in range(1, run.plan.checkpoints + 1):
            reached[checkpoint] += len(scores_at(run, arm, checkpoint, PRIMARY))
    if reached[run.plan.checkpoints]:
        return at_checkpoint(run, run.plan.checkpoints)
    if not any(reached.values()):
        return Reading(words="before training", weights={}, share=0.0)
    return at_checkpoint(run, max((at for at in reached if reached[at]), key=lambda at: (reached[at], at)))


def scores_by_seed(run: Run, arm: str, at: Reading, suite: str | None, column: str = "score") -> dict[int, float]:
    """Return avg@K as a fraction, by seed, of `arm`; the untrained arm is the same wherever it is read.

    Args:
        run: The run.
        arm: Name of the arm.
        at: Where cells are read.
        suite: Name of the suite, or `PRIMARY`, for which a seed must have all primary suites.
        column: Another column of the scores in place of avg@K.
    """
    suites = run.plan.primary_suites if suite is PRIMARY else (suite,)
    found = {}
    for seed in sorted(run.plan.seeds):
        weights = at.of(arm, seed)
        values = [
            (weight, run.scored(arm, seed, checkpoint, name, column))
            for name in suites
            for checkpoint, weight in weights.items()
        ]
        known = [weight * value for weight, value in values if value is not None]
        if values and len(known) == len(values):
            found[seed] = sum(known) / len(suites)
    return found


def scores_at(run: Run, arm: str, checkpoint: int, suite: str | None, column: str = "score") -> dict[int, float]:
    """Return what `scores_by_seed` does at one checkpoint; 0 is the untrained model of the same seed."""
    asked = (arm, checkpoint, suite, column)
    if asked not in run.scores_at:
        run.scores_at[asked] = scores_by_seed(run, arm, at_checkpoint(run, checkpoint), suite, column)
    return run.scores_at[asked]


def score_of(run: Run, arm: str, at: Reading, suite: str | None, column: str = "score") -> Interval | None:
    """Return the mean over seeds of `scores_by_seed` with its interval, or None when no seed has one."""
    found = scores_by_seed(run, arm, at, suite, column)
    return mean_interval(list(found.values())) if found else None


def entropy_change(run: Run, arm: str, edge: float = 0.1) -> tuple[float, float, Interval] | None:
    """Return the mean token entropy (nats) over the first and the last `edge` of the steps, and the change.

    The change is over seeds, within each seed; failed cells are left out. None without any entropy.
    """
    failed = {cell.id for cell in run.cells if cell.state == "failed"}
    rows = run.training[(run.training["arm"] == arm) & ~run.training["cell"].isin(failed)]
    starts, ends = [], []
    for _, cell in rows.dropna(subset=["entropy"]).groupby("cell", sort=True):
        count = max(1, round(edge * len(cell)))
        starts.append(float(cell["entropy"].iloc[:count].mean()))
        ends.append(float(cell["entropy"].iloc[-count:].mean()))
    if not starts:
        return None
    return sum(starts) / len(starts), sum(ends) / len(ends), paired_difference(ends, starts)
