"""Shares that add up to one, along steps: a panel per arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reports.figures.axes import AxisLabels
from reports.figures.panels import arm_panels, label_panels, legend
from reports.figures.style import INK, PALETTE, Look, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_THICK, _LONG = 0.12, 0.3
"""Room that a name takes: of the height of a panel, and of its steps."""


def area_chart(
    shares: pd.DataFrame, labels: AxisLabels, panels: Mapping[str, Look], parts: Sequence[str], line: str = ""
) -> Figure:
    """Draw the shares of `parts` stacked on each other, each named where it has room.

    Args:
        shares: Columns panel, part, x, share (fractions).
        labels: Of the axes.
        panels: Look of each panel, in their order.
        parts: From below; at most seven, `line` apart.
        line: Name of a part that is drawn as a dashed line, from above, over the others.
    """
    colours = dict(zip([part for part in parts if part != line], PALETTE, strict=False))
    present = {panel: look for panel, look in panels.items() if (shares["panel"] == panel).any()}
    with styled():
        figure, drawn = arm_panels(present)
        for panel, axes in drawn.items():
            ours = shares[shares["panel"] == panel]
            wide = ours[ours["part"] != line].pivot_table(index="x", columns="part", values="share").dropna()
            low = 0 * wide.sum(axis=1)
            for part in [name for name in colours if name in wide.columns]:
                high = low + wide[part]
                _area(axes, part, colours[part], 100 * low, 100 * high)
                low = high
            rows = ours[ours["part"] == line]
            if len(rows):
                axes.plot(
                    rows["x"], 100 * (1 - rows["share"]), color=INK, linewidth=1.4, linestyle=(0, (4, 3)), label=line
                )
            axes.set_ylim(0, 100)
            axes.margins(x=0)
        label_panels(figure, drawn, labels)
        fullest = max(drawn.values(), key=lambda axes: len(axes.get_legend_handles_labels()[1]))
        legend(figure, fullest)
    return figure


def _area(axes: Axes, part: str, colour: str, low: pd.Series[float], high: pd.Series[float]) -> None:
    """Draw one area, and its name in the middle of the place that is free for it all along."""
    import pandas as pd

    axes.fill_between(low.index, low, high, color=colour, alpha=0.35, linewidth=0, label=part)
    axes.plot(high.index, high, color=colour, linewidth=1.2)
    around = max(1, round(_LONG * len(low)))
    inside = pd.concat([low.rolling(around, center=True).max(), high.rolling(around, center=True).min()], axis=1)
    free = inside.diff(axis=1).iloc[:, 1].dropna()
    if len(free) and free.max() >= 100 * _THICK:
        best = free[free >= free.max() - 1e-9].index
        place = best[len(best) // 2]
        axes.text(place, inside.loc[place].mean(), part, ha="center", va="center", color=INK, fontsize=9)
