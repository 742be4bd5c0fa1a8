"""Figures of a report: tidy frames in, matplotlib figures out, and their way into the page as SVG."""

from __future__ import annotations

from reports.figures.areas import area_chart
from reports.figures.axes import AxisLabels
from reports.figures.bands import band_chart
from reports.figures.bars import phase_chart
from reports.figures.panels import Mark, panel_chart
from reports.figures.points import dot_chart, front_chart
from reports.figures.spreads import spread_chart
from reports.figures.style import Look, looks
from reports.figures.svg import as_png, as_svg, inline_svg, standalone_svg

__all__ = [
    "AxisLabels",
    "Look",
    "Mark",
    "area_chart",
    "as_png",
    "as_svg",
    "band_chart",
    "dot_chart",
    "front_chart",
    "inline_svg",
    "looks",
    "panel_chart",
    "phase_chart",
    "spread_chart",
    "standalone_svg",
]
