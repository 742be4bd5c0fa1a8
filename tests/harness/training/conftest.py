"""Cells and trainers that run once and are looked at by many tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
import torch

from harness.ledger.ledger import Ledger
from harness.plan.resolve import Plan
from harness.store.attempts import Attempt
from harness.store.paths import CellPaths
from harness.training.cell import run_cell
from harness.training.loop import CellLoop
from harness.training.setup import make_trainer
from harness.training.trainer import StrategyTrainer
from strategies import Strategy

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


class Train(Protocol):
    """Trains the baseline's first cell of a plan, with another strategy if one is given."""

    def __call__(self, plan: Plan, folder: Path, strategy: Strategy | None = None) -> StrategyTrainer: ...


@pytest.fixture
def train() -> Train:
    """Return a function that trains the baseline's first cell of a plan and returns the trainer."""

    def trained(plan: Plan, folder: Path, strategy: Strategy | None = None) -> StrategyTrainer:
        cell = next(cell for cell in plan.cells if cell.arm == plan.baseline)
        arm = plan.arm(plan.baseline)
        paths = CellPaths(folder)
        loop = CellLoop(
            paths=paths,
            ledger=Ledger(path=paths.ledger, attempt=1),
            budget=plan.budget,
            checkpoints=plan.checkpoints,
            on_sealed=lambda number: None,
        )
        trainer = make_trainer(plan, cell, replace(arm, strategy=strategy or arm.strategy), paths.scratch, loop)
        trainer.train()
        return trainer

    return trained
