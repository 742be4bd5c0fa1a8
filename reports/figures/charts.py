"""The kinds of chart: lines with bands, and bars by phase."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.figures.style import FAINT, PALETTE, Look, styled
from reports.formatting import quantity
from reports.read.compute import PHASES, TUNING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST_LABEL = 18
_WIDTH_IN, _HEIGHT_IN = 5.0, 3.1
_LABEL_IN = 0.09
"""Width of one letter of a direct label."""
_BAND_ROOM = 0.6
"""How far bands may stretch the vertical range beyond the means, as a share of the range of the means."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AxisLabels:
    """What the axes say, units included."""

    x: str
    y: str
    percent: bool = False
    """Whether the values are fractions to be shown in percent."""


def band_chart(bands: pd.DataFrame, labels: AxisLabels, arms: Mapping[str, Look], base: float | None = None) -> Figure:
    """Draw a line with its 95% band per arm, each labelled at its end.

    Args:
        bands: Columns arm, x, mean, low, high (NaN where there is no interval).
        labels: Of the axes.
        arms: Look of each arm.
        base: Value of the untrained model, drawn as a dashed line.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    scale = 100.0 if labels.percent else 1.0
    present = [arm for arm in arms if (bands["arm"] == arm).any()]
    with styled():
        figure, axes = _panel([*present, "base"])
        markers = len(bands) <= 30 * max(1, len(present))
        for arm in present:
            _draw_band(axes, bands[bands["arm"] == arm], arms[arm], scale, markers)
        ends = {arm: float(bands.loc[bands["arm"] == arm, "mean"].iloc[-1]) * scale for arm in present}
        colours = {arm: arms[arm].colour for arm in present}
        if base is not None:
            axes.axhline(base * scale, color=FAINT, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
            ends["base"], colours["base"] = base * scale, FAINT
        axes.set_xlabel(labels.x)
        axes.set_ylabel(labels.y)
        axes.yaxis.set_label_coords(0.035, 0.56, transform=figure.transFigure)
        axes.margins(x=0.01)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.set_ylim(*_limits(bands, base, scale, 100.0 if labels.percent else math.inf))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
        if labels.percent:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
        _label_ends(axes, ends, colours)
    return figure


def phase_chart(frame: pd.DataFrame, arms: Sequence[str]) -> Figure:
    """Draw the device-seconds of each arm as a bar split by phase.

    Args:
        frame: Columns arm, phase, device_seconds, all known.
        arms: The arms in the order of the bars.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    present = [arm for arm in arms if (frame["arm"] == arm).any()]
    with styled():
        figure = Figure(figsize=(2 * _WIDTH_IN, 0.8 + 0.32 * len(present)), layout="constrained")
        axes = figure.add_subplot()
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        left = dict.fromkeys(present, 0.0)
        for place, phase in enumerate((*PHASES, TUNING)):
            rows = frame[frame["phase"] == phase]
            spent = {arm: float(rows.loc[rows["arm"] == arm, "device_seconds"].sum()) for arm in present}
            if any(spent.values()):
                heights = list(range(len(present)))
                axes.barh(heights, list(spent.values()), 0.62, list(left.values()), color=PALETTE[place], label=phase)
            left = {arm: left[arm] + spent[arm] for arm in present}
        axes.set_yticks(range(len(present)), [_shortened(arm) for arm in present])
        axes.invert_yaxis()
        axes.set_xlabel("device-seconds, all cells of the arm")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
        axes.legend(frameon=False, ncols=len(PHASES) + 1, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    return figure


def _panel(names: list[str]) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN))
    room = _LABEL_IN * max(len(_shortened(name)) for name in names) + 0.12
    axes = figure.add_axes((0.155, 0.155, 0.845 - room / _WIDTH_IN, 0.81))
    return figure, axes


def _draw_band(axes: Axes, rows: pd.DataFrame, look: Look, scale: float, markers: bool) -> None:
    x = rows["x"].to_numpy(dtype=float)
    low, high = (scale * rows[name].to_numpy(dtype=float) for name in ("low", "high"))
    axes.fill_between(x, low, high, color=look.colour, alpha=0.11, linewidth=0)
    mean = scale * rows["mean"].to_numpy(dtype=float)
    axes.plot(x, mean, color=look.colour, linestyle=look.dash, marker=look.marker if markers else "")


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


def _tick(value: float) -> str:
    """Return the number at a tick: three digits at most, no zeros after the point."""
    number, _, prefix = quantity(value).partition(" ")
    short = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{short} {prefix}".rstrip()


def _label_ends(axes: Axes, ends: Mapping[str, float], colours: Mapping[str, str]) -> None:
    """Write each name beside the right edge at the height of its line's end, moved apart where they collide."""
    from matplotlib.transforms import blended_transform_factory

    low, high = axes.get_ylim()
    gap = 0.07 * (high - low)
    order = sorted(ends, key=lambda name: ends[name])
    heights = _spread([ends[name] for name in order], gap, low, high)
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    for name, height in zip(order, heights, strict=True):
        axes.text(1.02, height, _shortened(name), transform=beside, va="center", color=colours[name], fontweight="bold")
    axes.set_ylim(low, high)


def _spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Return the rising heights closest to `wanted` from below that keep `gap` apart and end by `high`."""
    placed: list[float] = []
    for height in wanted:
        placed.append(max(height, placed[-1] + gap if placed else low))
    ceiling = high
    for place in reversed(range(len(placed))):
        placed[place] = min(placed[place], ceiling)
        ceiling = placed[place] - gap
    return placed


def _shortened(name: str) -> str:
    flat = " ".join(name.split())
    if len(flat) <= _LONGEST_LABEL:
        return flat
    # Arms of one strategy share their beginning: their parameters tell them apart.
    kept = _LONGEST_LABEL - 1
    return f"{flat[: kept - kept // 2]}…{flat[-(kept // 2) :]}"
