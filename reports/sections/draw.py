"""From a frame to a figure of a report: drawn, described, and with its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reports.blocks import Drawing
from reports.figures import AxisLabels, Look, band_chart
from reports.findings import Findings

if TYPE_CHECKING:
    import pandas as pd


def bands_drawing(
    found: Findings,
    bands: pd.DataFrame,
    names: tuple[str, str],
    labels: AxisLabels,
    *,
    base: float | None = None,
    looks: Mapping[str, Look] | None = None,
) -> Drawing:
    """Return lines with bands.

    Args:
        found: Whose arms they are.
        bands: Columns `reports.curves.BAND_COLUMNS`.
        names: Of the figure's files, and its title.
        labels: Of the axes.
        base: Value of the untrained model, drawn as a dashed line.
        looks: Of the arms; by default as everywhere.
    """
    name, title = names
    if bands.empty:
        return Drawing(name=name, title=title, figure=None, caption="Unknown: no training step logged it.")
    scale = 100.0 if labels.percent else 1.0
    said = described(title, labels.x, bands, scale)
    if base is not None:
        said += f"; the untrained model: {scale * base:.3g}"
    figure = band_chart(bands, labels, found.looks if looks is None else looks, base)
    return Drawing(name=name, title=title, figure=figure, data=bands, described=said)


def described(title: str, along: str, bands: pd.DataFrame, scale: float) -> str:
    """Return what a chart of lines shows, to be read aloud."""
    ends = [
        f"{arm} from {scale * rows['mean'].iloc[0]:.3g} to {scale * rows['mean'].iloc[-1]:.3g}"
        for arm, rows in bands.groupby("arm", sort=False)
    ]
    return f"{title} along {along}: {'; '.join(ends)}"
