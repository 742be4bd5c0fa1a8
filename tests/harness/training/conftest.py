"""Cells that are run once and looked at by many tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from harness.plan.resolve import Plan
from harness.store.attempts import Attempt
from harness.store.paths import CellPaths
from harness.training.cell import run_cell

Runner = Callable[[Plan, str, CellPaths], Attempt]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run_arm() -> Runner:
    """Run the first seed of an arm in a folder."""

    def run(plan: Plan, arm: str, paths: CellPaths) -> Attempt:
        cell = next(cell for cell in plan.cells if cell.arm == arm)
        return run_cell(plan, cell, paths, threads=1)

    return run


@pytest.fixture
def record_hashes() -> Callable[[CellPaths], dict[str, str]]:
    """Return the hash of each file of records of a cell."""

    def hashes(paths: CellPaths) -> dict[str, str]:
        files: list[Path] = sorted(paths.records.glob("*.parquet"))
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    return hashes
