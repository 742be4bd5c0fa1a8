"""The sections of a report, in order: each module says what one of them shows."""

from __future__ import annotations

from collections.abc import Callable

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

__all__ = ["SECTIONS", "sections"]

SECTIONS: tuple[Callable[[Findings], Section], ...] = (
    boards, against_controls, scores, consistency, regressions, exploration, discovery, tuning, compute, checking,
)  # fmt: skip


def sections(found: Findings) -> list[Section]:
    """Return all sections that have something to show."""
    made = [make(found) for make in SECTIONS]
    return [section for section in made if section.blocks]
