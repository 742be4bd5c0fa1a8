"""What runs inside a job: one attempt at a stage of a cell, and what hands the job back when Slurm wants its node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.store.paths import RunPaths
from harness.store.stages import Stage

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


@dataclass(frozen=True)
class CellJob:
    """Called without arguments, it makes one attempt at a stage of a cell."""

    run_root: str
    """Folder of the run, absolute."""
    cell_id: str
    threads: int
    stage: Stage = "all"

    def __call__(self) -> None:
        """Make the attempt; how it ended stands in its attempt file."""
        from harness.training.cell import run_stored_cell

        run_stored_cell(RunPaths(Path(self.run_root)), self.cell_id, self.threads)

    def checkpoint(self) -> DelayedSubmission:
        """Return what submitit submits again: the same, since all that was reached lies in the cell's folder."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
