"""What all charts share: a panel, numbers at ticks, and names beside the ends of lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.store.visible import one_line
from reports.formatting import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN, HEIGHT_IN = 5.0, 3.1
_LONGEST_LABEL = 18
_LABEL_IN = 0.09
"""Width of one letter of a direct label."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AxisLabels:
    """What the axes say, units included."""

    x: str
    y: str
    percent: bool = False
    """Whether the values are fractions to be shown in percent."""
    counts: bool = True
    """Whether what lies along the axis is counted, in whole numbers."""
    doubling: bool = False
    """Whether each step along the axis doubles it."""


def panel(names: list[str]) -> tuple[Figure, Axes]:
    """Return a panel with room at its right for the longest of the names."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
    room = _LABEL_IN * max(len(shortened(name)) for name in names) + 0.12
    axes = figure.add_axes((0.155, 0.155, 0.845 - room / WIDTH_IN, 0.81))
    return figure, axes


def tick(value: float) -> str:
    """Return the number at a tick: three digits at most, no zeros after the point."""
    number, _, prefix = quantity(value).partition(" ")
    short = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{short} {prefix}".rstrip()


def label_ends(axes: Axes, ends: Mapping[str, float], colours: Mapping[str, str]) -> None:
    """Write each name beside the right edge at the height of its line's end, moved apart where they collide."""
    from matplotlib.transforms import blended_transform_factory

    low, high = axes.get_ylim()
    gap = 0.07 * (high - low)
    order = sorted(ends, key=lambda name: ends[name])
    heights = _spread([ends[name] for name in order], gap, low, high)
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    for name, height in zip(order, heights, strict=True):
        axes.text(1.02, height, shortened(name), transform=beside, va="center", color=colours[name], fontweight="bold")
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


def shortened(name: str) -> str:
    """Return a name as a figure has room for it."""
    flat = one_line(name)
    if len(flat) <= _LONGEST_LABEL:
        return flat
    # Arms of one strategy share their beginning: their parameters tell them apart.
    kept = _LONGEST_LABEL - 1
    return f"{flat[: kept - kept // 2]}…{flat[-(kept // 2) :]}"
