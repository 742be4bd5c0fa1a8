"""An attempt in progress: what it is to do, whom it asks, and what allows it to write."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from harness.errors import CellError
from harness.evaluation.answers import Permit
from harness.evaluation.todo import Recorder, Todo
from harness.ledger.ledger import Ledger
from harness.plan.cells import Cell
from harness.plan.resolve import Plan
from harness.stopping import Stop, never
from harness.store import attempts
from harness.store.lease import GONE, Diagnose, Lease, take
from harness.store.paths import CellPaths
from harness.store.stages import Stage
from harness.store.wishes import is_to_rest

if TYPE_CHECKING:
    from harness.training.ranks import Ranks


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What an attempt is to do, and whom it asks."""

    stage: Stage = "all"
    """Which part of the cell's work."""
    stop: Stop = never
    """Looked at between steps and batches."""
    diagnose: Diagnose = lambda attempt: GONE
    """Asked how the attempt before ended, if it could not say so itself."""


ALL = Order()


@dataclass(kw_only=True)
class CellRun:
    """An attempt in progress."""

    plan: Plan
    cell: Cell
    paths: CellPaths
    threads: int
    order: Order
    attempt: attempts.Attempt
    lease: Lease
    ledger: Ledger
    ranks: Ranks
    parted: bool = False
    """Whether the other ranks don't wait to be told anything any more: training broke off somewhere."""
    hours_before: float = 0.0
    """That earlier attempts took, of those that count."""
    _started_s: float = field(default_factory=time.monotonic)

    @classmethod
    def begin(cls, plan: Plan, cell: Cell, paths: CellPaths, threads: int, order: Order, ranks: Ranks) -> Self:
        """Take the cell for an attempt.

        Raises:
            CellError: If another process works on it.
        """
        attempt, lease = take(paths, order.stage, order.diagnose)
        ledger = Ledger(path=paths.ledger, attempt=attempt.attempt, allowed=lease.require, held=ranks.count)
        return cls(
            plan=plan, cell=cell, paths=paths, threads=threads, order=order,
            attempt=attempt, lease=lease, ledger=ledger, ranks=ranks,
        )  # fmt: skip

    @property
    def recorder(self) -> Recorder:
        """What makes the cell's records."""
        permit = Permit(pause=self.pause, write=self.lease.require)
        return Recorder(plan=self.plan, cell=self.cell, paths=self.paths, ledger=self.ledger, permit=permit)

    @property
    def trains(self) -> bool:
        """Whether the cell has anything to train: the base model has not."""
        return self.plan.arm(self.cell.arm).strategy is not None

    def note(self, **changes: Any) -> None:
        """Write what changed about the attempt."""
        self.attempt = attempts.update(self.paths, self.attempt, **changes)

    def asked(self) -> CellError | None:
        """Return why the attempt must be left at the next good moment, if it must."""
        hours, allowed = self.hours_before + (time.monotonic() - self._started_s) / 3600, self.plan.limits.hours
        if hours > allowed:
            return CellError("limit reached", f"{hours:.1f} h, and the plan allows {allowed:g}; what it did is kept")
        if is_to_rest(self.paths):
            return CellError("cancelled", "by explorebench cancel; explorebench resume goes on with it")
        return self.order.stop()

    def pause(self) -> None:
        """Raise CellError if the attempt must be left now, or may not write any more."""
        asked = self.asked()
        if asked is not None:
            raise asked
        self.lease.require()

    def evaluate(self, checkpoints: range) -> None:
        """Write the records that `checkpoints` still need, unless this attempt only trains."""

        def progress(one: Todo) -> None:
            self.note(phase=f"evaluating {one.suite.name} at checkpoint {one.checkpoint}")

        if self.order.stage == "train":
            return
        recorder = self.recorder
        recorder.make([todo for todo in recorder.missing() if todo.checkpoint in checkpoints], progress)
