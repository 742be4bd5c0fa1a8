"""One attempt at a cell: from its last intact checkpoint, train, seal and evaluate until all its records are there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import CellError, attributing
from harness.evaluation.todo import Recorder, Todo
from harness.fingerprint import fingerprint
from harness.ledger.ledger import Ledger
from harness.plan.cells import Cell
from harness.plan.resolve import Plan
from harness.store import attempts
from harness.store.atomic import write_json
from harness.store.paths import CellPaths, RunPaths
from harness.store.seal import last_intact, read_seal
from harness.tuning.settle import stored_cell

if TYPE_CHECKING:
    from harness.training.trainer import StrategyTrainer


@dataclass(kw_only=True)
class CellRun:
    """An attempt in progress."""

    plan: Plan
    cell: Cell
    paths: CellPaths
    threads: int
    attempt: attempts.Attempt
    ledger: Ledger

    @property
    def recorder(self) -> Recorder:
        """What makes the cell's records."""
        return Recorder(plan=self.plan, cell=self.cell, paths=self.paths, ledger=self.ledger)

    def note(self, **changes: Any) -> None:
        """Write what changed about the attempt."""
        self.attempt = attempts.update(self.paths, self.attempt, **changes)

    def evaluate(self, checkpoints: range) -> None:
        """Write the records that `checkpoints` still need."""

        def progress(one: Todo) -> None:
            self.note(phase=f"evaluating {one.suite.name} at checkpoint {one.checkpoint}")

        recorder = self.recorder
        recorder.make([todo for todo in recorder.missing() if todo.checkpoint in checkpoints], progress)


def run_stored_cell(run: RunPaths, cell_id: str, threads: int) -> attempts.Attempt:
    """Make an attempt at a cell of the plan that stands in the run's folder, with `threads` torch threads."""
    import torch

    torch.set_num_threads(threads)
    plan, cell = stored_cell(run, cell_id)
    return run_cell(plan, cell, run.cell(cell_id), threads)


def run_cell(plan: Plan, cell: Cell, paths: CellPaths, threads: int) -> attempts.Attempt:
    """Make an attempt at a cell, and return how it ended; a failure is an outcome, never an exception.

    Args:
        plan: The plan that the cell belongs to.
        cell: What to run.
        paths: Its folder.
        threads: Torch threads, part of the fingerprint: another number rounds differently.
    """
    _require_free(paths)
    attempt = attempts.begin(paths)
    ledger = Ledger(path=paths.ledger, attempt=attempt.attempt)
    run = CellRun(plan=plan, cell=cell, paths=paths, threads=threads, attempt=attempt, ledger=ledger)
    try:
        with attributing(), attempts.beating(paths, attempt):
            _write_identity(run)
            _work(run)
    except CellError as error:
        return attempts.end(paths, run.attempt, "failed", {"kind": error.kind, "message": error.message})
    except KeyboardInterrupt:
        cause = {"kind": "interrupted", "message": "stopped by the user"}
        return attempts.end(paths, run.attempt, "interrupted", cause)
    return attempts.end(paths, run.attempt, "done")


def _require_free(paths: CellPaths) -> None:
    """Raise if another process is at work on the cell: two must never write at once."""
    for other in attempts.read_attempts(paths)[-1:]:
        if other.alive(paths):
            raise CellError(
                "error", f"process {other.pid} on {other.host} is working on {paths.root.name}; stop it, or wait for it"
            )


def _write_identity(run: CellRun) -> None:
    facts = {
        "cell": run.cell.id,
        "arm": run.cell.arm,
        "seed": run.cell.seed,
        "identity": run.cell.identity,
        "fingerprint": fingerprint(run.threads),
    }
    write_json(run.paths.identity, facts)


def _work(run: CellRun) -> None:
    reached, notes = last_intact(run.paths)
    step = int(read_seal(run.paths.checkpoint(reached))["step"]) if reached else 0
    run.note(notes=tuple(notes), resumed_from_step=step)
    run.evaluate(range(reached + 1))
    if run.plan.arm(run.cell.arm).strategy is not None and reached < run.plan.checkpoints:
        _train(run, reached)
    left = run.recorder.missing()
    if left:
        names = ", ".join(f"{todo.suite.name} at checkpoint {todo.checkpoint}" for todo in left)
        raise CellError("error", f"records are missing at the end: {names}")


def _train(run: CellRun, reached: int) -> None:
    from harness.training.checkpoint import load_extras
    from harness.training.loop import CellLoop
    from harness.training.ranking import PathLog
    from harness.training.setup import make_trainer

    shutil.rmtree(run.paths.scratch, ignore_errors=True)

    def sealed(number: int) -> None:
        run.evaluate(range(number, number + 1))
        run.note(phase="training")

    loop = CellLoop(
        paths=run.paths,
        ledger=run.ledger,
        budget=run.plan.budget,
        checkpoints=run.plan.checkpoints,
        on_sealed=sealed,
    )
    arm = run.plan.arm(run.cell.arm)
    trainer: StrategyTrainer = make_trainer(run.plan, run.cell, arm, run.paths.scratch, loop)
    loop.sealed = reached
    trainer.listeners.append(
        PathLog(
            paths=run.paths,
            attempt=run.attempt.attempt,
            share=lambda: loop.share,
            step=lambda: int(trainer.state.global_step) + 1,
            watched=lambda: loop.watching.cosines,
        )
    )
    run.note(phase="training")
    folder = run.paths.checkpoint(reached) if reached else None
    if folder is not None:
        run.ledger.spent = load_extras(folder, trainer, loop.watching)
    try:
        trainer.train(resume_from_checkpoint=str(folder) if folder else None)
    finally:
        shutil.rmtree(run.paths.scratch, ignore_errors=True)  # on a full disk, this makes room to say so
