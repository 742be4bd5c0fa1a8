"""The folder of a cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.paths import CellPaths


@pytest.fixture
def paths(tmp_path: Path) -> CellPaths:
    """Return the paths of a cell that has not started."""
    return CellPaths(tmp_path / "cells" / "grpo-s0")
