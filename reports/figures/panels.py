"""Small multiples: a panel per arm with a line per seed, and marks on the lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.figures.axes import WIDTH_IN, AxisLabels, shortened, tick
from reports.figures.style import PALETTE, Look, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
_MARKS = (("v", PALETTE[1]), ("o", PALETTE[4]), ("|", PALETTE[1]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Something that happened on the line of a seed."""

    arm: str
    x: float
    y: float
    what: str
    """As the legend calls it; the same for all of its kind."""


def panel_chart(lines: pd.DataFrame, marks: Sequence[Mark], labels: AxisLabels, arms: Mapping[str, Look]) -> Figure:
    """Draw a panel per arm, all with the same axes.

    Args:
        lines: Columns arm, seed, x, y.
        marks: What happened where, at most three kinds.
        labels: Of the axes.
        arms: Look of each arm, in the order of the panels.
    """
    scale = 100.0 if labels.percent else 1.0
    kinds = {kind: _MARKS[place % len(_MARKS)] for place, kind in enumerate(dict.fromkeys(one.what for one in marks))}
    with styled():
        figure, panels = arm_panels({arm: look for arm, look in arms.items() if (lines["arm"] == arm).any()})
        for arm, axes in panels.items():
            for _, seed in lines[lines["arm"] == arm].groupby("seed", sort=True):
                axes.plot(seed["x"], scale * seed["y"], color=arms[arm].colour, linewidth=1.2, alpha=0.8)
            for what, (shape, colour) in kinds.items():
                ours = [one for one in marks if one.arm == arm and one.what == what]
                xs, ys = [one.x for one in ours], [scale * one.y for one in ours]
                axes.plot(xs, ys, shape, color=colour, markersize=8, markeredgewidth=2, label=what, zorder=3)
        label_panels(figure, panels, labels)
        if kinds:
            legend(figure, next(iter(panels.values())))
    return figure


def arm_panels(arms: Mapping[str, Look], *, tall: float = 1.9) -> tuple[Figure, dict[str, Axes]]:
    """Return a figure and in it a panel for each of `arms`, named in its colour, all with the same axes.

    One arm has a figure of common width; more have one that is twice as wide.

    Args:
        arms: Looks of those that are drawn.
        tall: Inches that a row of panels takes.
    """
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(arms))
    rows = math.ceil(len(arms) / columns)
    figure = Figure(figsize=(min(columns, 2) * WIDTH_IN, 0.6 + tall * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for place, axes in enumerate(grid.flat):
        axes.set_visible(place < len(arms))
        if len(arms) <= place + columns:  # nothing stands below: this one says what the axis counts
            axes.xaxis.set_tick_params(labelbottom=True)
    panels = dict(zip(arms, grid.flat, strict=False))
    for arm, axes in panels.items():
        axes.set_title(shortened(arm), loc="left", fontsize=10, fontweight="bold", color=arms[arm].colour)
    return figure, panels


def label_panels(figure: Figure, panels: Mapping[str, Axes], labels: AxisLabels) -> None:
    """Say once for all panels what their axes hold."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for axes in panels.values():
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=labels.counts))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        if labels.percent:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    figure.supxlabel(labels.x, fontsize=10)
    figure.supylabel(labels.y, fontsize=10)


def legend(figure: Figure, axes: Axes) -> None:
    """Put the names of what is drawn in one of the panels above all of them."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=len(names), frameon=False, borderpad=0)
