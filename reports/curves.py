"""Frames for the figures: a mean with its 95% band over seeds, along steps or compute."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reports.comparison import scores_at
from reports.read import Run
from reports.read.compute import TUNING
from reports.reading import spent_by_checkpoint
from reports.statistics import mean_interval

if TYPE_CHECKING:
    import pandas as pd

BAND_COLUMNS = ("arm", "x", "mean", "low", "high", "seeds")
"""`low` and `high` are NaN where a single seed stands behind the mean."""

SMOOTHING = 0.05
"""Training curves are averaged within each seed over this share of its steps."""


def training_bands(run: Run, column: str) -> pd.DataFrame:
    """Return a training curve per arm against optimizer steps, columns `BAND_COLUMNS`.

    Each seed's curve is smoothed by a centred running mean over `SMOOTHING` of its steps; a step is left out
    where fewer than half of the arm's seeds have it, so that one long run doesn't pass for the arm.
    """
    return _smoothed_bands(run, run.training, column)


def watch_bands(run: Run, watch: str, name: str) -> pd.DataFrame:
    """Return the number `name` of a watch per arm against optimizer steps, as `training_bands` does."""
    ours = run.watches[(run.watches["watch"] == watch) & (run.watches["name"] == name)]
    return _smoothed_bands(run, ours, "number")


def _smoothed_bands(run: Run, frame: pd.DataFrame, column: str) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    known = frame.dropna(subset=[column])
    for arm in run.plan.trained_arms:
        at_step: dict[int, list[float]] = {}
        ours = known[known["arm"] == arm]
        cells = 0
        for _, cell in ours.groupby("cell", sort=True):
            cells += 1
            window = max(1, round(SMOOTHING * len(cell)))
            smooth = cell[column].astype(float).rolling(window, center=True, min_periods=1).mean()
            for step, value in zip(cell["step"], smooth, strict=True):
                at_step.setdefault(int(step), []).append(float(value))
        rows += [_band(arm, step, at_step[step]) for step in sorted(at_step) if 2 * len(at_step[step]) >= cells]
    return _frame(rows)


def score_bands(run: Run, suite: str | None, unit: str) -> pd.DataFrame:
    """Return score against compute per arm, columns `BAND_COLUMNS`, starting at the base model.

    `x` is the mean over the seeds counted of what training had spent, `unit`, at the checkpoint.

    Args:
        run: The run.
        suite: Name of the suite, or `reports.comparison.PRIMARY`.
        unit: Of `reports.reading.UNITS`.
    """
    amounts = spent_by_checkpoint(run, unit)
    rows: list[dict[str, Any]] = []
    for arm in run.plan.trained_arms:
        for checkpoint in range(run.plan.checkpoints + 1):
            found = scores_at(run, arm, checkpoint, suite)
            spent = [_at(amounts.get((arm, seed), []), checkpoint) for seed in found]
            if found and not any(math.isnan(amount) for amount in spent):
                rows.append(_band(arm, sum(spent) / len(spent), list(found.values())))
    return _frame(rows)


def device_seconds_by_phase(run: Run) -> pd.DataFrame:
    """Return the device-seconds of all cells, columns arm, phase, device_seconds; unknown lines make NaN.

    The trials of a tuned arm, their evaluation included, are a phase of its own, `TUNING`.
    """
    import pandas as pd

    frames = [run.compute]
    if run.tuning is not None:
        owners = {trial.id: arm for arm in run.tuning.plan.grids for trial in run.tuning.of(arm)}
        frames.append(run.tuning.compute.assign(arm=run.tuning.compute["cell"].map(owners), phase=TUNING))
    columns = ["arm", "phase", "device_seconds"]
    known = [frame[columns] for frame in frames if not frame.empty]
    if not known:
        return pd.DataFrame(columns=columns)
    grouped = pd.concat(known, ignore_index=True).groupby(["arm", "phase"], sort=False)["device_seconds"]
    return grouped.agg(lambda column: column.sum(skipna=False)).reset_index()[columns]


def _at(amounts: Sequence[float], checkpoint: int) -> float:
    if checkpoint == 0:
        return 0.0
    return amounts[checkpoint] if checkpoint < len(amounts) else math.nan


def _band(arm: str, x: float, values: Sequence[float]) -> dict[str, Any]:
    interval = mean_interval(values)
    return {
        "arm": arm,
        "x": x,
        "mean": interval.mean,
        "low": math.nan if interval.low is None else interval.low,
        "high": math.nan if interval.high is None else interval.high,
        "seeds": interval.count,
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(BAND_COLUMNS))
