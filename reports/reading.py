"""Where on its way each cell is compared: at one checkpoint, at its best one, or at equal compute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.errors import ReportError
from reports.read.plan import BASE_ARM
from reports.statistics.efficiency import weights_at

if TYPE_CHECKING:
    from reports.read import Run

Cell = tuple[str, int]
"""Arm and seed."""
Weights = Mapping[int, float]
"""Of checkpoints, by index; they sum to 1. 0 is the untrained model."""

UNITS = {
    "generated_tokens": ("generated_tokens", "generated tokens"),
    "flops": ("flops", "training FLOPs"),
    "device_seconds": ("device_seconds", "device-seconds"),
    "steps": ("step", "optimizer steps"),
}
"""Of compute: the column of the training curves, and the name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What counts as the score of each cell."""

    words: str
    """Where that is, after "compared"."""
    weights: Mapping[Cell, Weights]
    """Of each trained cell that got there; of no use where all are read at one checkpoint."""
    everywhere: int | None = None
    """The checkpoint at which all cells are read; None where each has its own weights."""
    share: float | None = None
    """Of the budget, where it is the same for all."""
    mark: str = ""
    """What stands on every row because scores were picked by looking at them; empty otherwise."""

    def of(self, arm: str, seed: int) -> Weights:
        """Return the weights of a cell's checkpoints, none if it isn't there yet; the untrained model stands still."""
        if arm == BASE_ARM:
            return {0: 1.0}
        return self.weights.get((arm, seed), {}) if self.everywhere is None else {self.everywhere: 1.0}


def at_checkpoint(run: Run, checkpoint: int) -> Reading:
    """Return the reading of all cells at one checkpoint; 0 is the untrained model."""
    share = checkpoint / run.plan.checkpoints
    end = checkpoint == run.plan.checkpoints
    return Reading(
        words="at the end of the budget" if end else f"at {share:.0%} of the budget",
        weights={},
        everywhere=checkpoint,
        share=share,
    )


def at_best(run: Run, suite: str) -> Reading:
    """Return the reading of each finished cell at the checkpoint that scores best on a suite, the first of equals."""
    weights: dict[Cell, Weights] = {}
    last = run.plan.checkpoints
    for arm, seed in _cells(run):
        scores = [run.scored(arm, seed, number, suite, "score") for number in range(1, last + 1)]
        known = [score for score in scores if score is not None]
        if known and len(known) == len(scores):
            weights[arm, seed] = {known.index(max(known)) + 1: 1.0}
    tested = suite in run.plan.primary_suites
    return Reading(
        words=f"at the checkpoint of each cell that is best on {suite}",
        weights=weights,
        mark=f"checkpoint picked on {suite}, a suite that arms are compared on" if tested else "",
    )


def at_budget(run: Run, unit: str, amount: float | None = None) -> Reading:
    """Return the reading of each cell where it has used as much compute as the others, between checkpoints if need be.

    Args:
        run: The run.
        unit: Of `UNITS`.
        amount: In that unit; by default the most that every cell that came to its end has used.

    Raises:
        ReportError: If the unit isn't known, or no cell has known amounts up to there.
    """
    if unit not in UNITS:
        raise ReportError(f"compute is matched in {', '.join(UNITS)}; got {unit!r}")
    spent = spent_by_checkpoint(run, unit)
    ends = [amounts[-1] for amounts in spent.values() if len(amounts) == run.plan.checkpoints + 1]
    known = [end for end in ends if not math.isnan(end)]
    if amount is None and not known:
        raise ReportError(
            f"{run.plan.name}: no cell has come to its end with known {UNITS[unit][1]}; none can be matched"
        )
    matched = min(known) if amount is None else amount
    weights = {cell: found for cell, amounts in spent.items() if (found := weights_at(amounts, matched))}
    if not weights:
        most = max((end for amounts in spent.values() for end in amounts if not math.isnan(end)), default=math.nan)
        raise ReportError(
            f"{run.plan.name}: no cell has been evaluated at {matched:,.10g} {UNITS[unit][1]} and beyond; "
            f"nothing is extrapolated, so give at most {most:,.10g}"
        )
    return Reading(words=f"at {matched:,.4g} {UNITS[unit][1]} each", weights=weights)


def spent_by_checkpoint(run: Run, unit: str) -> dict[Cell, list[float]]:
    """Return what training had used at each evaluated checkpoint of each cell, from 0 at the untrained model on.

    A cell's list ends at its last checkpoint; NaN where the log doesn't know.
    """
    return {cell: found[UNITS[unit][0]] for cell, found in run.spent_at.items()}


def _cells(run: Run) -> list[Cell]:
    return [(cell.arm, cell.seed) for cell in run.cells if cell.arm != BASE_ARM]
