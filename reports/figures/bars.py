"""Bars by phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.figures.axes import WIDTH_IN, shortened, tick
from reports.figures.style import PALETTE, styled
from reports.read.compute import PHASES, TUNING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def phase_chart(frame: pd.DataFrame, arms: Sequence[str]) -> Figure:
    """Draw the device-seconds of each arm as a bar split by phase.

    Args:
        frame: Columns arm, phase, device_seconds, all known, each arm and phase once.
        arms: The arms in the order of the bars.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    rows = zip(frame["arm"], frame["phase"], frame["device_seconds"], strict=True)
    seconds = {(str(arm), str(phase)): float(number) for arm, phase, number in rows}
    known = {arm for arm, _ in seconds}
    present = [arm for arm in arms if arm in known]
    with styled():
        figure = Figure(figsize=(2 * WIDTH_IN, 0.8 + 0.32 * len(present)), layout="constrained")
        axes = figure.add_subplot()
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        left = dict.fromkeys(present, 0.0)
        for place, phase in enumerate((*PHASES, TUNING)):
            spent = {arm: seconds.get((arm, phase), 0.0) for arm in present}
            if any(spent.values()):
                heights = list(range(len(present)))
                axes.barh(heights, list(spent.values()), 0.62, list(left.values()), color=PALETTE[place], label=phase)
            left = {arm: left[arm] + spent[arm] for arm in present}
        axes.set_yticks(range(len(present)), [shortened(arm) for arm in present])
        axes.invert_yaxis()
        axes.set_xlabel("device-seconds, all cells of the arm")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.legend(frameon=False, ncols=len(PHASES) + 1, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    return figure
