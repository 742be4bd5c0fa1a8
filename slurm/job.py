"""What runs inside a job: one attempt at a stage of a cell, and what hands the job back when Slurm wants its node."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.errors import CauseKind, CellError
from harness.store.paths import RunPaths
from harness.store.stages import Stage
from slurm.again import queue_again
from slurm.causes import diagnose
from slurm.last_moment import last_words, queued_in_time
from slurm.notices import BOUNCED, Notices
from slurm.ranks import join

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

    from harness.store.attempts import Attempt, Cause, Outcome
    from harness.store.paths import CellPaths


@dataclass(frozen=True)
class CellJob:
    """Called without arguments, it makes one attempt at a stage of a cell."""

    run_root: str
    """Folder of the run, absolute."""
    cell_id: str
    threads: int
    stage: Stage = "all"
    ranks: int = 1
    """Tasks of the job, that train the cell together."""

    def __call__(self) -> None:
        """Make the attempt; how it ended stands in its attempt file.

        A job whose cell another living attempt has ends well and leaves it alone. One that was preempted, has come near
        its time limit, or has lost one of its tasks asks to be queued again and ends.

        Raises:
            CellError: If the cell failed.
            SystemExit: If it was interrupted; Slurm starts the job again where it was asked to or does so by itself.
        """
        notices = Notices()
        with notices.listening():
            try:
                with queued_in_time(self._paths, notices):
                    attempt = self._attempt(notices)
            except CellError as error:
                if error.kind != "taken":
                    raise
                print(f"nothing to do: {error.message}")
                return
            if attempt is None or attempt.outcome == "done":
                return
            said = attempt.cause or {}
            cause = CellError(cast("CauseKind", said["kind"]), said["message"])
            print(f"attempt {attempt.attempt} ended: {cause}", flush=True)
            if cause.kind in BOUNCED:
                queue_again(notices)
        raise cause if attempt.outcome == "failed" else SystemExit(str(cause))

    def _attempt(self, notices: Notices) -> Attempt | None:
        """Make the attempt, and return how it ended; None in the ranks that only trained along."""
        from harness.training.attempt import Order
        from harness.training.cell import run_stored_cell, run_unmet

        run, order = RunPaths(Path(self.run_root)), Order(stage=self.stage, stop=notices.stop, diagnose=self._ended)
        try:
            ranks = join(self.ranks)
        except CellError as error:
            if os.environ["RANK"] != "0":
                raise
            return run_unmet(run, self.cell_id, self.threads, order, error)
        attempt = run_stored_cell(run, self.cell_id, self.threads, order, ranks)
        return attempt if ranks.first else None

    def _ended(self, attempt: Attempt) -> tuple[Outcome, Cause]:
        """Return how an earlier attempt ended, by what it left or else by what Slurm says of its job."""
        said = last_words(self._paths, attempt)
        return ("interrupted", said) if said else diagnose(attempt)

    @property
    def _paths(self) -> CellPaths:
        return RunPaths(Path(self.run_root)).cell(self.cell_id)

    def checkpoint(self) -> DelayedSubmission:
        """Return what submitit submits again: the same, since all that was reached lies in the cell's folder."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
