"""Cells to time: the demo's training settings, a few steps, no evaluation."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from harness.ledger.ledger import Ledger
from harness.plan.resolve import Plan, load_plan
from harness.store.paths import CellPaths
from harness.training.loop import CellLoop
from harness.training.setup import make_trainer

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


def cell_seconds(plan: Plan, arm: str) -> float:
    """Train one cell of `arm` to its end, sealing included, and return the wall seconds of training."""
    cell = next(cell for cell in plan.cells if cell.arm == arm)
    with tempfile.TemporaryDirectory() as folder, silence():
        paths = CellPaths(Path(folder))
        loop = CellLoop(
            paths=paths,
            ledger=Ledger(path=paths.ledger, attempt=1),
            budget=plan.budget,
            checkpoints=plan.checkpoints,
            on_sealed=lambda number: None,
        )
        trainer = make_trainer(plan, cell, plan.arm(arm), paths.scratch, loop)
        start = time.perf_counter()
        trainer.train()
        return time.perf_counter() - start


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep TRL's own lines out of the table."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
