"""A plain grpo cell against a bare TRL script that does the same steps."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from trl import GRPOTrainer

from benchmarks.measurement import HEADER, Row, in_turn
from benchmarks.training import STEPS, benchmark_plan, cell_seconds, silence
from harness.models import load_model, load_tokenizer
from harness.plan.resolve import Plan
from harness.seeds import stream_seed
from harness.training.problems import Verifier, problem_pool
from harness.training.setup import trainer_config
from suites import training_task


def bare_seconds(plan: Plan) -> float:
    """Train with TRL alone and return the wall seconds of training."""
    cell = next(cell for cell in plan.cells if cell.arm == "grpo")
    task = training_task(plan.task)
    with tempfile.TemporaryDirectory() as folder, silence():
        config = trainer_config(plan, cell, Path(folder), {"max_steps": STEPS})
        trainer = GRPOTrainer(
            model=load_model(plan.model.folder),
            processing_class=load_tokenizer(plan.model.folder),
            reward_funcs=Verifier(task),
            train_dataset=problem_pool(task, plan.training.pool, stream_seed(cell.seed, "problems")),
            args=config,
        )
        start = time.perf_counter()
        trainer.train()
        return time.perf_counter() - start


def measure() -> Row:
    """Time both."""
    plan = benchmark_plan()
    ours, bare = in_turn(lambda: cell_seconds(plan, "grpo"), lambda: bare_seconds(plan))
    return Row(
        what=f"`grpo` cell, {STEPS} steps and a sealed checkpoint",
        peer="bare TRL script, same steps",
        ours_s=ours,
        peer_s=bare,
        target="at most 1.05",
        command="python -m benchmarks.grpo_cell",
    )


if __name__ == "__main__":
    print(HEADER, measure().markdown(), sep="\n")
