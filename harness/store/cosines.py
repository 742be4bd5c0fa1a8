"""Cosines as they are stored: at each step that is looked at, how many of them fall into which bin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.store.paths import CellPaths
from harness.store.ranked import lines_by_step

BINS = 20
"""Of one width, from −1 to 1; a cosine at an edge is in the bin above it, and 1 in the last."""


def read_cosines(paths: CellPaths) -> dict[int, Mapping[str, Any]]:
    """Return the lines of a cell's cosines by step, in order, without those that a resume took back.

    A line has attempt, step, share of the budget spent before it, and cosines: the counts by what they are between.
    """
    return lines_by_step(paths, paths.cosines)
