"""Frames for the figures: a mean with its 95% band over seeds, along steps or compute."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from reports.comparison import PRIMARY, scores_at
from reports.read import Run
from reports.read.compute import TUNING
from reports.reading import Cell, Reading, spent_by_checkpoint
from reports.statistics import mean_interval, pass_at_k

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

BAND_COLUMNS = ("arm", "x", "mean", "low", "high", "seeds")
"""`low` and `high` are NaN where a single seed stands behind the mean."""

SMOOTHING = 0.05
"""Training curves are averaged within each seed over this share of its steps."""
POINTS = 80
"""Most points of a training curve: four to each width of the running mean, so that nothing is lost between them."""


def training_bands(run: Run, column: str) -> pd.DataFrame:
    """Return a training curve per arm against optimizer steps, columns `BAND_COLUMNS`.

    Each seed's curve is smoothed by a centred running mean over `SMOOTHING` of its steps; a step is left out
    where fewer than half of the arm's seeds have it, so that one long run doesn't pass for the arm.
    """
    return smoothed_bands(run, run.training, column)


def watch_bands(run: Run, watch: str, name: str) -> pd.DataFrame:
    """Return the number `name` of a watch per arm against optimizer steps, as `training_bands` does."""
    ours = run.watches[(run.watches["watch"] == watch) & (run.watches["name"] == name)]
    return smoothed_bands(run, ours, "number")


def smoothed_bands(run: Run, frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a column of `frame` (cell, arm, step and it) per arm against steps, as `training_bands` does."""
    known = frame.loc[frame[column].notna(), ["arm", "cell", "step", column]]
    steps, values = known["step"].to_numpy(), known[column].to_numpy(dtype=float)
    cells_of: dict[str, list[dict[int, float]]] = {}
    for places in known.groupby("cell").indices.values():
        arm = str(known["arm"].iloc[places[0]])
        cells_of.setdefault(arm, []).append(_smoothed(steps[places], values[places]))
    rows: list[dict[str, Any]] = []
    for arm in run.plan.trained_arms:
        cells = cells_of.get(arm, [])
        counts = Counter(step for cell in cells for step in cell)
        shown = thinned(sorted(step for step, count in counts.items() if 2 * count >= len(cells)))
        rows += [_band(arm, step, [cell[step] for cell in cells if step in cell]) for step in shown]
    return _frame(rows)


def _smoothed(steps_T: NDArray[np.int64], values_T: NDArray[np.float64]) -> dict[int, float]:
    """Return the running mean at each step."""
    smooth_T = running_mean(values_T, max(1, round(SMOOTHING * len(steps_T))))
    return dict(zip(steps_T.tolist(), smooth_T.tolist(), strict=True))


def running_mean(values_T: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the mean of up to `window` values around each, as pandas has it for a centred window, shape (T,)."""
    import numpy as np

    sums = np.concatenate(([0.0], np.cumsum(values_T)))
    place = np.arange(len(values_T))
    last = np.minimum(place + (window - 1) // 2 + 1, len(values_T))
    first = np.maximum(place + (window - 1) // 2 + 1 - window, 0)
    mean: NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)
    return mean


def thinned(steps: Sequence[int]) -> list[int]:
    """Return at most `POINTS` of rising steps, evenly spread, the first and the last among them.

    Examples:
        >>> thinned(range(1, 4))
        [1, 2, 3]
        >>> [len(thinned(range(1000))), thinned(range(1000))[-1]]
        [80, 999]
    """
    if len(steps) <= POINTS:
        return list(steps)
    return [steps[round(place * (len(steps) - 1) / (POINTS - 1))] for place in range(POINTS)]


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


def gain_bands(run: Run) -> pd.DataFrame:
    """Return what the primary score gained since the evaluation before, columns `BAND_COLUMNS`, x the evaluation."""
    rows: list[dict[str, Any]] = []
    for arm in run.plan.trained_arms:
        for number in range(1, run.plan.checkpoints + 1):
            before, after = (scores_at(run, arm, place, PRIMARY) for place in (number - 1, number))
            gained = [after[seed] - before[seed] for seed in after if seed in before]
            if gained:
                rows.append(_band(arm, number, gained))
    return _frame(rows)


def discovery_bands(run: Run, suite: str, at: Reading) -> pd.DataFrame:
    """Return pass@k of each arm for every k that its samples allow, columns `BAND_COLUMNS`, the untrained model too.

    References:
        Chen et al. 2021, https://arxiv.org/abs/2107.03374, equation 1.
    """
    samples = run.plan.suite(suite).samples
    ks = sorted({2**power for power in range(samples.bit_length()) if 2**power <= samples} | {samples})
    rows: list[dict[str, Any]] = []
    for arm in run.plan.arms:
        curves = [pass_curve(run, (arm, seed), at, suite, ks) for seed in run.plan.seeds]
        known = [curve for curve in curves if curve]
        rows += [_band(arm, k, [curve[place] for curve in known]) for place, k in enumerate(ks) if known]
    return _frame(rows)


def pass_curve(run: Run, cell: Cell, at: Reading, suite: str, ks: Sequence[int]) -> list[float]:
    """Return pass@k at each k; nothing where the cell is read between two checkpoints, or has no record."""
    arm, seed = cell
    weights = at.of(arm, seed)
    read = run.items.of(arm, seed, next(iter(weights)), suite) if len(weights) == 1 else None
    if read is None:
        return []
    counts = Counter(read.correct.tolist())
    total = sum(counts.values())
    return [math.fsum(items * pass_at_k(right, read.samples, k) for right, items in counts.items()) / total for k in ks]


def diagnostic_bands(run: Run, name: str, without: Collection[str] = ()) -> pd.DataFrame:
    """Return a number that strategies say of themselves per arm against optimizer steps, as `training_bands` does.

    Args:
        run: The run.
        name: Of the number.
        without: Arms that are left out.
    """
    rows = run.diagnostics[run.diagnostics["name"] == name]
    return smoothed_bands(run, rows[~rows["arm"].isin(list(without))], "number")


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
