"""Trials and what they chose, read apart from the cells that are compared: they never enter a mean of an arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.store.choices import read_choices
from harness.store.paths import RunPaths
from harness.store.status import CellStatus, read_trials
from reports.read.compute import read_compute
from reports.read.files import CellFile
from reports.read.plan import PlanView, TuningView
from reports.read.scores import read_scores

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, slots=True)
class TuningRun:
    """What became of the trials of a run."""

    plan: TuningView
    trials: tuple[CellStatus, ...]
    """Their `arm` is the name of a point."""
    scores: pd.DataFrame
    """One row per finished trial; see `reports.read.scores.SCORE_COLUMNS`. Their arm is the name of a point."""
    compute: pd.DataFrame
    """One row per ledger line of a trial; see `reports.read.compute.COMPUTE_COLUMNS`. Likewise."""
    chosen: Mapping[str, int | None]
    """Place of the chosen point in the grid of each arm whose trials are over; None if all of them failed."""

    def of(self, arm: str) -> list[CellStatus]:
        """Return the trials of a tuned arm."""
        names = {point.name for point in self.plan.grids[arm]}
        return [trial for trial in self.trials if trial.arm in names]


def read_tuning(paths: RunPaths, plan: PlanView) -> TuningRun | None:
    """Return the trials of a run; None if its plan tunes nothing.

    Raises:
        ReportError: If a record was made with other items than the plan's, or can't be read.
    """
    if plan.tuning is None:
        return None
    trials = tuple(read_trials(paths))
    files = [CellFile(trial.id, trial.arm, trial.seed, paths.cell(trial.id)) for trial in trials]
    validation = replace(plan, suites=(plan.tuning.suite,))
    stored = read_choices(paths)
    return TuningRun(
        plan=plan.tuning,
        trials=trials,
        scores=read_scores(validation, files),
        compute=read_compute(files),
        chosen={arm: stored[arm].point for arm in plan.tuning.grids if arm in stored},
    )
