"""Figures of a report: tidy frames in, matplotlib figures out, and their way into the page as SVG."""

from __future__ import annotations

from reports.figures.charts import AxisLabels, band_chart, phase_chart
from reports.figures.style import Look, looks
from reports.figures.svg import inline_svg

__all__ = ["AxisLabels", "Look", "band_chart", "inline_svg", "looks", "phase_chart"]
