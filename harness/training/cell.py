"""One attempt at a cell: from where it was left, train, seal and evaluate until all its records are there."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PAUSES, CellError, attributing
from harness.fingerprint import fingerprint
from harness.plan.cells import Cell
from harness.plan.resolve import Plan
from harness.store import attempts
from harness.store.atomic import write_json
from harness.store.paths import CellPaths, RunPaths
from harness.store.progress import found
from harness.store.seal import drop_resumable, last_intact, last_resumable, read_seal
from harness.training.attempt import ALL, CellRun, Order
from harness.training.following import Go, follow, lost_rank, require_ranks, started
from harness.training.limits import hours_of, in_a_row, require_within
from harness.tuning.settle import stored_cell

if TYPE_CHECKING:
    from harness.training.ranks import Ranks


def run_stored_cell(
    run: RunPaths, cell_id: str, threads: int, order: Order = ALL, ranks: Ranks | None = None
) -> attempts.Attempt:
    """Make an attempt at a cell of the plan that stands in the run's folder, with `threads` torch threads."""
    import torch

    torch.set_num_threads(threads)
    plan, cell = stored_cell(run, cell_id)
    return run_cell(plan, cell, run.cell(cell_id), threads, order, ranks)


def run_cell(
    plan: Plan, cell: Cell, paths: CellPaths, threads: int, order: Order = ALL, ranks: Ranks | None = None
) -> attempts.Attempt:
    """Make an attempt at a cell, and return how it ended; a failure is an outcome, never an exception.

    Args:
        plan: The plan that the cell belongs to.
        cell: What to run.
        paths: Its folder.
        threads: Torch threads, part of the fingerprint: another number rounds differently.
        order: What to do of it.
        ranks: Which of the processes that train the cell together this one is; one alone if None.

    Raises:
        CellError: If another process works on the cell, or this is not the first rank and it can't go on.
    """
    from harness.training.ranks import ALONE

    ranks = ranks or ALONE
    if not ranks.first:
        return follow(plan, cell, paths, ranks)
    try:
        run = CellRun.begin(plan, cell, paths, threads, order, ranks)
    except CellError as error:
        ranks.told(error.message)
        raise
    ended = _ended(run, _work)
    if not run.parted:
        ranks.told(ended)
    return ended


def run_unmet(run: RunPaths, cell_id: str, threads: int, order: Order, error: CellError) -> attempts.Attempt:
    """Make an attempt that ends at once with `error`, by which the ranks of a stored cell didn't meet; return how.

    So it is seen, counted and bounded like any other.

    Raises:
        CellError: If another process works on the cell.
    """
    from harness.training.ranks import ALONE

    def unmet(run: CellRun) -> None:
        raise error

    plan, cell = stored_cell(run, cell_id)
    return _ended(CellRun.begin(plan, cell, run.cell(cell_id), threads, order, ALONE), unmet)


def _ended(run: CellRun, work: Callable[[CellRun], None]) -> attempts.Attempt:
    """Do the `work` of an attempt, and return how it ended."""
    paths, lease = run.paths, run.lease
    try:
        with attributing(), lease.kept():
            _look_back(run)
            work(run)
    except CellError as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)  # for who reads the log; users are told the cause
        if error.kind != "lost lease" and not lease.held:  # whatever it stumbled over, this is why
            error = CellError("lost lease", f"another attempt has taken the cell; before that: {error}")
        outcome: attempts.Outcome = "interrupted" if error.kind in PAUSES else "failed"
        return attempts.end(paths, run.attempt, outcome, {"kind": error.kind, "message": error.message})
    except KeyboardInterrupt:
        cause = {"kind": "interrupted", "message": "stopped by the user"}
        return attempts.end(paths, run.attempt, "interrupted", cause)
    return attempts.end(paths, run.attempt, "done")


def _look_back(run: CellRun) -> None:
    """Write what the attempt finds, and raise if earlier ones were enough."""
    made = [one for one in attempts.read_attempts(run.paths) if one.attempt < run.attempt.attempt]
    run.note(found=found(run.paths))
    run.hours_before = hours_of(in_a_row(made))
    require_within(run.plan.limits, made, run.attempt)


def _write_identity(run: CellRun) -> None:
    if run.order.stage == "evaluate" and run.paths.identity.exists():  # it says where the cell was trained
        return
    facts = {
        "cell": run.cell.id,
        "arm": run.cell.arm,
        "seed": run.cell.seed,
        "identity": run.cell.identity,
        "fingerprint": fingerprint(run.threads, run.ranks.count),
    }
    write_json(run.paths.identity, facts)


def _work(run: CellRun) -> None:
    _write_identity(run)
    reached, notes = last_intact(run.paths)
    between, more = last_resumable(run.paths, reached)
    folder = between or (run.paths.checkpoint(reached) if reached else None)
    step = int(read_seal(folder)["step"]) if folder else 0
    run.note(notes=(*notes, *more), resumed_from_step=step)
    run.evaluate(range(reached + 1))
    if run.trains and reached < run.plan.checkpoints:
        if run.order.stage == "evaluate":
            sealed = f"{reached} of {run.plan.checkpoints} checkpoints are sealed and evaluated"
            raise CellError("interrupted", f"{sealed}; the others must be trained first")
        _train(run, reached, folder)
    if run.order.stage == "train":
        return
    left = run.recorder.missing()
    if left:
        names = ", ".join(f"{todo.suite.name} at checkpoint {todo.checkpoint}" for todo in left)
        raise CellError("error", f"records are missing at the end: {names}")


def _train(run: CellRun, reached: int, folder: Path | None) -> None:
    """Train on from `folder`, the last sealed checkpoint or a state after it; None for the start."""
    from harness.training.ranks import TogetherError, losses_named
    from harness.training.serving import serving

    if folder is not None:
        require_ranks(run.ranks.count, int(read_seal(folder).get("ranks", 1)))
    shutil.rmtree(run.paths.scratch, ignore_errors=True)
    scratch = run.paths.scratch_of(run.attempt.attempt)
    number = run.attempt.attempt
    try:
        with (
            serving(run.plan, run.paths, run.paths.server_log(number)) as server,
            losses_named(lambda: lost_rank(run.paths, number)),
        ):
            go = Go(attempt=number, reached=reached, folder=folder, server=server)
            run.ranks.told(go)
            _steps(run, go)
    except TogetherError:
        raise
    except BaseException:
        run.parted = True
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # on a full disk, this makes room to say so
        with suppress(OSError):
            run.paths.scratch.rmdir()
    drop_resumable(run.paths)


def _steps(run: CellRun, go: Go) -> None:
    from harness.training.loop import CellLoop
    from harness.training.ranking import PathLog

    def sealed(number: int) -> None:
        run.evaluate(range(number, number + 1))
        run.note(phase="training")

    loop = CellLoop(
        paths=run.paths,
        ledger=run.ledger,
        budget=run.plan.budget,
        checkpoints=run.plan.checkpoints,
        on_sealed=sealed,
        stop=run.asked,
    )
    trainer = started(run.plan, run.cell, loop, go, run.ranks)
    trainer.listeners.append(
        PathLog(
            paths=run.paths,
            attempt=run.attempt.attempt,
            share=lambda: loop.share,
            step=lambda: int(trainer.state.global_step) + 1,
            watched=lambda: loop.watching.cosines,
            allowed=run.lease.require,
        )
    )
    run.note(phase="training")
    trainer.train(resume_from_checkpoint=str(go.folder) if go.folder else None)
