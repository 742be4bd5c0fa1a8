"""Which jobs were sent for which cells: written by who sends them, read by who asks where a cell stands.

A job's number says nothing by itself, since numbers start anew when a cluster is wiped; what a cell has done stands in
the cell's own folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from harness.store.atomic import append_lines, read_lines
from harness.store.paths import RunPaths
from harness.store.stages import Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """One job, or one task of an array of jobs."""

    job: str
    """Slurm's number of the job, or of the array."""
    index: int | None
    """The task's place in its array; None for a job that is none."""
    cell: str
    stage: Stage

    @property
    def name(self) -> str:
        """What Slurm's commands call it: 12 or 12_3."""
        return self.job if self.index is None else f"{self.job}_{self.index}"


def comment(run_name: str, stage: Stage) -> str:
    """Return the comment (`sbatch --comment`) by which a run's jobs are known as its own."""
    return f"explorebench:{run_name}:{stage}"


def append_submitted(run: RunPaths, jobs: Iterable[Submitted]) -> None:
    """Add jobs to those that were sent for a run."""
    append_lines(run.submitted, map(asdict, jobs))


def read_submitted(run: RunPaths) -> list[Submitted]:
    """Return the jobs that were sent for a run, oldest first; lines that are none are passed over."""
    found = []
    for line in read_lines(run.submitted):
        try:
            found.append(Submitted(**line))
        except TypeError:
            continue
    return found
