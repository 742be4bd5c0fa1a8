"""The sections of a report, in order: each module says what one of them shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from reports.blocks import Section
from reports.findings import Findings
from reports.sections.checking import checking
from reports.sections.compute import compute
from reports.sections.consistency import consistency
from reports.sections.controls import against_controls
from reports.sections.discovery import discovery
from reports.sections.exploration import exploration
from reports.sections.leaderboard import boards
from reports.sections.regressions import regressions
from reports.sections.scores import scores
from reports.sections.tuning import tuning
from reports.side_by_side import side_by_side

__all__ = ["SECTIONS", "sections"]

SECTIONS: tuple[Callable[[Findings], Section], ...] = (
    boards, against_controls, scores, consistency, regressions, exploration, discovery, tuning, compute, checking,
)  # fmt: skip


def sections(found: Findings, *, png: bool = True) -> list[Section]:
    """Return all sections that have something to show, figures drawn, as PNG too where that is wanted."""
    found.settle()
    made = side_by_side(partial(_made, found, png), SECTIONS)
    return [section for section in made if section.blocks]


def _made(found: Findings, png: bool, make: Callable[[Findings], Section]) -> Section:
    return make(found).drawn(png=png)
