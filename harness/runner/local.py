"""The local runner: a few worker processes, each on one cell, until nothing is missing."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess

from harness.cores import fair_share, threads_divided
from harness.plan.cells import Cell
from harness.plan.resolve import Plan
from harness.plan.trials import PlannedCell, cells_of, trials_of
from harness.runner.prepare import prepare, threads_of, to_run
from harness.runner.worker import work
from harness.store import attempts
from harness.store.paths import RunPaths
from harness.store.processes import host_name
from harness.tuning.settle import choose

POLL_S = 0.5
GRACE_S = 10.0
"""For workers to write how they ended, once told to stop."""


@dataclass(kw_only=True)
class LocalRunner:
    """Runs what is missing of a plan on this machine."""

    plan: Plan
    """With the chosen parameters in its tuned arms, as far as they are known."""
    run: RunPaths
    workers: int
    retry_failed: bool = False
    tick: Callable[[], None] = lambda: None
    """Called between looks at the workers, for a display."""
    unwritten: list[str] = field(default_factory=list)
    """What befell cells whose files can't be written, as on a full disk."""
    _active: dict[ForkServerProcess, Cell] = field(default_factory=dict)
    _waiting: list[PlannedCell] = field(default_factory=list)
    _queued: set[str] = field(default_factory=set)
    """Ids of the cells that have had their turn or will have it."""

    def go(self) -> None:
        """Run every cell that needs it: trials first, and each tuned arm's own cells as soon as its trials are over.

        Raises:
            KeyboardInterrupt: When the user stops it; the workers have been stopped too.
        """
        self._waiting = to_run(trials_of(self.plan), self.run, retry_failed=self.retry_failed)
        self._queue_chosen()
        later = len(self.plan.seeds) * sum(arm.waiting for arm in self.plan.arms)
        workers = max(1, min(self.workers, len(self._waiting) + later))
        threads = fair_share(workers)
        with threads_divided(threads):
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["harness.runner.warm"])
            try:
                while self._waiting or self._active or self._choose_more():
                    self._fill(context, workers, threads)
                    ready = connection.wait([process.sentinel for process in self._active], timeout=POLL_S)
                    self._reap(ready)
                    self.tick()
            finally:
                self._stop()

    def _queue_chosen(self) -> None:
        """Settle the arms whose trials are over, write the plan, and queue the cells that it has now."""
        busy = {planned.cell.id for planned in self._waiting} | {cell.id for cell in self._active.values()}
        self.plan = choose(self.plan, self.run, busy)
        prepare(self.plan, self.run)
        new = [planned for planned in cells_of(self.plan) if planned.cell.id not in self._queued]
        self._queued |= {planned.cell.id for planned in new}
        self._waiting += to_run(new, self.run, retry_failed=self.retry_failed)

    def _choose_more(self) -> bool:
        """Look once more at the arms that wait (another runner may have ended their trials), and say if that helped."""
        if any(arm.waiting for arm in self.plan.arms):
            self._queue_chosen()
        return bool(self._waiting)

    def _fill(self, context: multiprocessing.context.ForkServerContext, workers: int, threads: int) -> None:
        """Start cells until every worker has one."""
        while self._waiting and len(self._active) < workers:
            planned = self._waiting.pop(0)
            # Another runner may have taken it meanwhile.
            if to_run([planned], self.run, retry_failed=self.retry_failed):
                self._start(context, planned.cell, threads)

    def _start(self, context: multiprocessing.context.ForkServerContext, cell: Cell, threads: int) -> None:
        arguments = str(self.run.root), cell.id, threads_of(self.run, cell, threads)
        process = context.Process(target=work, args=arguments, name=cell.id)
        process.start()
        self._active[process] = cell

    def _reap(self, ready: Collection[object]) -> None:
        for process in [process for process in self._active if process.sentinel in ready]:
            process.join()
            code = process.exitcode or 0
            kind = "killed" if code < 0 else "error"
            message = f"signal {-code}" if code < 0 else f"exit code {code} before it could say why"
            self._close(self._active.pop(process), process.pid, code, {"kind": kind, "message": message})
        if ready:
            self._choose_more()

    def _close(self, cell: Cell, pid: int | None, code: int, cause: dict[str, str]) -> None:
        """Write the cause of an attempt that its process could not write itself; others' attempts are left alone."""
        paths = self.run.cell(cell.id)
        made = attempts.read_attempts(paths)
        own = [attempt for attempt in made if attempt.pid == pid and attempt.host == host_name()]
        left_to_others = not own and not code
        if left_to_others or (own and own[-1].ended is not None) or any(attempt.alive(paths) for attempt in made):
            return
        try:
            attempt = own[-1] if own else attempts.begin(paths)
            message = f"{cause['message']}; see {paths.log(attempt.attempt)}"
            attempts.end(paths, attempt, "failed", {**cause, "message": message})
        except OSError as error:
            self.unwritten.append(f"{cell.id}: {cause['message']}, and that could not be written down: {error}")

    def _stop(self) -> None:
        for process in self._active:
            process.terminate()
        for process, cell in self._active.items():
            process.join(GRACE_S)
            if process.is_alive():
                process.kill()
                process.join()
            self._close(
                cell, process.pid, process.exitcode or 0, {"kind": "interrupted", "message": "stopped by the user"}
            )
        self._active.clear()
