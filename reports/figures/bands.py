"""Lines with bands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reports.figures.axes import AxisLabels, label_ends, panel, tick
from reports.figures.style import FAINT, Look, styled

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_BAND_ROOM = 0.6
"""How far bands may stretch the vertical range beyond the means, as a share of the range of the means."""


def band_chart(bands: pd.DataFrame, labels: AxisLabels, arms: Mapping[str, Look], base: float | None = None) -> Figure:
    """Draw a line with its 95% band per arm, each labelled at its end; arms in the background are thin and unlabelled.

    Args:
        bands: Columns arm, x, mean, low, high (NaN where there is no interval).
        labels: Of the axes.
        arms: Look of each arm.
        base: Value of the untrained model, drawn as a dashed line.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    scale = 100.0 if labels.percent else 1.0
    places = bands.groupby("arm").indices
    columns = {name: bands[name].to_numpy(dtype=float) for name in ("x", "mean", "low", "high")}
    present = [arm for arm in arms if arm in places]
    with styled():
        front = [arm for arm in present if not arms[arm].behind]
        figure, axes = panel([*front, "base"])
        markers = len(bands) <= 30 * max(1, len(present))
        for arm in present:
            rows = {name: values[places[arm]] for name, values in columns.items()}
            _draw_band(axes, rows, arms[arm], scale, markers)
        ends = {arm: float(columns["mean"][places[arm][-1]]) * scale for arm in front}
        colours = {arm: arms[arm].colour for arm in front}
        if base is not None:
            axes.axhline(base * scale, color=FAINT, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
            ends["base"], colours["base"] = base * scale, FAINT
        axes.set_xlabel(labels.x)
        axes.set_ylabel(labels.y)
        axes.yaxis.set_label_coords(0.035, 0.56, transform=figure.transFigure)
        axes.margins(x=0.01)
        if labels.doubling:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_locator(FixedLocator(sorted(set(bands["x"]))))
            axes.xaxis.set_minor_locator(NullLocator())
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=labels.counts))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.set_ylim(*_limits(bands, base, scale, 100.0 if labels.percent else math.inf))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.ticklabel_format(axis="y", useOffset=False)
        if labels.percent:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
        label_ends(axes, ends, colours)
    return figure


def _draw_band(axes: Axes, rows: Mapping[str, NDArray[np.float64]], look: Look, scale: float, markers: bool) -> None:
    x, low, high, mean = rows["x"], scale * rows["low"], scale * rows["high"], scale * rows["mean"]
    if look.behind:
        axes.plot(x, mean, color=look.colour, linewidth=0.8, zorder=1.5, gid=look.key)
        return
    axes.fill_between(x, low, high, color=look.colour, alpha=0.11, linewidth=0)
    axes.plot(x, mean, color=look.colour, linestyle=look.dash, marker=look.marker if markers else "", gid=look.key)


def _limits(bands: pd.DataFrame, base: float | None, scale: float, most: float) -> tuple[float, float]:
    """Return the vertical range: all means, and of the bands as much as leaves the means readable."""
    means = [*(scale * bands["mean"]), *([] if base is None else [scale * base])]
    low, high = min(means), max(means)
    span = high - low or 0.1 * abs(high) or 1.0
    lowest = min([low, *(scale * bands["low"].dropna())])
    highest = max([high, *(scale * bands["high"].dropna())])
    bottom = max(lowest, low - _BAND_ROOM * span) - 0.04 * span
    top = min(highest, high + _BAND_ROOM * span, most) + 0.04 * span
    return (max(bottom, -0.02 * (top - bottom)) if low >= 0 else bottom), top
