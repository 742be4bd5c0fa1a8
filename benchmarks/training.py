"""Cells to time: the demo's training settings, a few steps, no evaluation."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from harness.ledger.ledger import Ledger
from harness.plan.arms import Arm
from harness.plan.cells import Cell
from harness.plan.resolve import Plan, load_plan
from harness.store.paths import CellPaths
from harness.training.loop import CellLoop
from harness.training.setup import make_trainer
from harness.training.trainer import StrategyTrainer

STEPS = 20
PLAN = f"""
name: benchmark
task: countdown
arms: [grpo, g2rl]
baseline: grpo
seeds: 2
budget: {{steps: {STEPS}}}
checkpoints: 1
training: {{prompts_per_step: 16, group_size: 8, learning_rate: 1e-4}}
suites: [countdown]
watch: []
"""


def benchmark_plan() -> Plan:
    """Return the plan whose cells are timed."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.yaml"
        path.write_text(PLAN)
        return load_plan(path)


@contextlib.contextmanager
def in_scratch(
    plan: Plan, cell: Cell, arm: Arm, on_sealed: Callable[[int], None] = lambda number: None
) -> Iterator[tuple[StrategyTrainer, CellPaths]]:
    """Yield the trainer of a cell at its first step, and its files, which are gone when it is over."""
    with tempfile.TemporaryDirectory() as folder, silence():
        paths = CellPaths(Path(folder))
        ledger = Ledger(path=paths.ledger, attempt=1)
        loop = CellLoop(
            paths=paths, ledger=ledger, budget=plan.budget, checkpoints=plan.checkpoints, on_sealed=on_sealed
        )
        yield make_trainer(plan, cell, arm, paths.scratch, loop), paths


def cell_of(plan: Plan, arm: str, place: int = 0) -> Cell:
    """Return the cell of `arm` with the seed at `place`."""
    return [cell for cell in plan.cells if cell.arm == arm][place]


def cell_seconds(plan: Plan, arm: str) -> float:
    """Train one cell of `arm` to its end, sealing included, and return the wall seconds of training."""
    with in_scratch(plan, cell_of(plan, arm), plan.arm(arm)) as (trainer, _):
        start = time.perf_counter()
        trainer.train()
        return time.perf_counter() - start


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep TRL's own lines out of the table."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
