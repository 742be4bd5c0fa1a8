"""Which scores are compared with which: by seed, at one checkpoint, on the same items."""

from __future__ import annotations

from collections import Counter

from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.read.scores import with_start
from reports.statistics import Interval, joint_level, mean_interval, paired_difference

PRIMARY = None
"""Stands for the plan's primary score, the plain mean over its primary suites, where a suite is asked."""


def comparison_checkpoint(run: Run) -> int:
    """Return the checkpoint at which arms are compared; 0 when no trained cell was evaluated yet.

    The last one as soon as any cell reached it; before that, the one that most cells have reached.
    """
    reached: Counter[int] = Counter()
    for arm in run.plan.trained_arms:
        for checkpoint in range(1, run.plan.checkpoints + 1):
            reached[checkpoint] += len(scores_by_seed(run, arm, checkpoint, PRIMARY))
    if reached[run.plan.checkpoints]:
        return run.plan.checkpoints
    return max((place for place in reached if reached[place]), key=lambda at: (reached[at], at), default=0)


def scores_by_seed(run: Run, arm: str, checkpoint: int, suite: str | None, column: str = "score") -> dict[int, float]:
    """Return avg@K as a fraction, by seed, of `arm`; the untrained arm is the same at any checkpoint.

    Args:
        run: The run.
        arm: Name of the arm.
        checkpoint: Index of the checkpoint; 0 is the base model of the same seed.
        suite: Name of the suite, or `PRIMARY`, for which a seed must have all primary suites.
        column: Another column of the scores in place of avg@K.
    """
    suites = run.plan.primary_suites if suite is PRIMARY else (suite,)
    rows = with_start(run.scores, arm)
    at = 0 if arm == BASE_ARM else checkpoint
    rows = rows[(rows["checkpoint"] == at) & rows["suite"].isin(suites)]
    by_seed: dict[int, list[float]] = {}
    for seed, value in zip(rows["seed"], rows[column], strict=True):
        by_seed.setdefault(int(seed), []).append(float(value))
    return {seed: sum(found) / len(found) for seed, found in sorted(by_seed.items()) if len(found) == len(suites)}


def score_of(run: Run, arm: str, checkpoint: int, suite: str | None, column: str = "score") -> Interval | None:
    """Return the mean over seeds of `scores_by_seed` with its interval, or None when no seed has one."""
    found = scores_by_seed(run, arm, checkpoint, suite, column)
    return mean_interval(list(found.values())) if found else None


def difference_of(
    run: Run, arm: str, other: str, checkpoint: int, suite: str | None, comparisons: int = 1
) -> Interval | None:
    """Return `arm - other` over the seeds that both have, or None when there is no such seed.

    With several `comparisons`, the intervals of all of them hold together at 95%.
    """
    ours = scores_by_seed(run, arm, checkpoint, suite)
    theirs = scores_by_seed(run, other, checkpoint, suite)
    seeds = [seed for seed in ours if seed in theirs]
    if not seeds:
        return None
    level = joint_level(comparisons)
    return paired_difference([ours[seed] for seed in seeds], [theirs[seed] for seed in seeds], level)


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
