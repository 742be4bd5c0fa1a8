"""Points: score against compute with its front, and the seeds of each arm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reports.figures.axes import HEIGHT_IN, WIDTH_IN, AxisLabels, shortened, tick
from reports.figures.style import FAINT, INK, Look, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def front_chart(points: pd.DataFrame, labels: AxisLabels, arms: Mapping[str, Look]) -> Figure:
    """Draw each arm as a point, its score over its compute, and the front: the best score for each compute.

    Args:
        points: Columns arm, x, score (fraction), front (whether no other arm scores more for less).
        labels: Of the axes.
        arms: Look of each arm.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    with styled():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        axes = figure.add_subplot()
        crowded = any(look.behind for look in arms.values())  # names of those below the front would hide each other
        front = points[points["front"]].sort_values(["x", "score"])
        axes.plot(front["x"], 100 * front["score"], color=FAINT, drawstyle="steps-post", linewidth=1.2, zorder=1)
        for arm, x, score, is_front in points[["arm", "x", "score", "front"]].to_numpy().tolist():
            look = arms[arm]
            shape = "o" if look.behind else look.marker
            axes.plot(x, 100 * score, shape, color=look.colour, markersize=7, gid=look.key)
            if is_front or not crowded:
                axes.annotate(
                    shortened(arm),
                    (x, 100 * score),
                    xytext=(7, 4),
                    textcoords="offset points",
                    color=INK if look.behind else look.colour,
                    fontweight="bold" if is_front else "normal",
                )
        axes.set_xlabel(labels.x)
        axes.set_ylabel(labels.y)
        axes.margins(x=0.25, y=0.15)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    return figure


def dot_chart(points: pd.DataFrame, label: str, arms: Mapping[str, Look]) -> Figure:
    """Draw a row per arm: its seeds as dots, their mean as a stroke and its 95% interval as a bar.

    Args:
        points: Columns arm, seed, score, mean, low, high (fractions; NaN where there is no interval).
        label: Of the axis.
        arms: Look of each arm, in the order of the rows.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    present = [arm for arm in arms if (points["arm"] == arm).any()]
    with styled():
        figure = Figure(figsize=(2 * WIDTH_IN, 0.7 + 0.32 * len(present)), layout="constrained")
        axes = figure.add_subplot()
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        for place, arm in enumerate(present):
            rows, look = points[points["arm"] == arm], arms[arm]
            mean, low, high = (100 * float(rows[name].iloc[0]) for name in ("mean", "low", "high"))
            if not math.isnan(low):
                axes.barh(place, high - low, 0.62, low, color=look.colour, alpha=0.14, linewidth=0)
            axes.plot([mean, mean], [place - 0.31, place + 0.31], color=look.colour, gid=look.key)
            axes.plot(100 * rows["score"], [place] * len(rows), "o", color=look.colour, markersize=5, alpha=0.85)
        axes.set_yticks(range(len(present)), [shortened(arm) for arm in present])
        axes.invert_yaxis()
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    return figure
