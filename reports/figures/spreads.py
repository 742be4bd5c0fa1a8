"""Histograms of cosines: a panel per arm, its first, middle and last look over each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reports.figures.axes import AxisLabels
from reports.figures.panels import arm_panels, label_panels, legend
from reports.figures.style import FAINT, INK, PALETTE, Look, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def spread_chart(spreads: pd.DataFrame, labels: AxisLabels, arms: Mapping[str, Look]) -> Figure:
    """Draw the share of cosines in each bin: the first look as an area, the middle one thin, the last one thick.

    Args:
        spreads: Columns arm, look, from, to, percent; bins in their order.
        labels: Of the axes.
        arms: Look of each arm, in the order of the panels.
    """
    present = {arm: look for arm, look in arms.items() if (spreads["arm"] == arm).any()}
    with styled():
        figure, panels = arm_panels(present)
        for arm, axes in panels.items():
            ours = spreads[spreads["arm"] == arm]
            for look, rows in ours.groupby("look", sort=False):
                heights = rows["percent"].to_numpy(dtype=float)
                edges = [*rows["from"], float(rows["to"].iloc[-1])]
                if look == "first":
                    axes.stairs(heights, edges, fill=True, color=FAINT, alpha=0.45, linewidth=0, label=look)
                elif look == "middle":
                    axes.stairs(heights, edges, color=PALETTE[0], linewidth=1.3, linestyle=(0, (3, 1.5)), label=look)
                else:
                    axes.stairs(heights, edges, color=PALETTE[1], linewidth=2.0, label=look)
            axes.axvline(0, color=INK, linewidth=0.6, zorder=0.5)
        filled = spreads[spreads["cosines"] > 0]
        if len(filled):
            next(iter(panels.values())).set_xlim(filled["from"].min() - 0.05, filled["to"].max() + 0.05)
        label_panels(figure, panels, labels)
        legend(figure, next(iter(panels.values())))
    return figure
