"""What is in Slurm's queue for a run, and room for more: asked once before anything is sent."""

from __future__ import annotations

import fcntl
import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.store.paths import RunPaths
from slurm.commands import ask
from slurm.submitted import comment, read_submitted

CONTINUE = "continue"
"""Stands in a comment for the stage: the job that goes on with the queue when trials are over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """Jobs of this user that wait or run."""

    cells: frozenset[str]
    """Cells of the run that have one."""
    arrays: dict[str, str]
    """Of those cells: the number of the job or of the array that it is in."""
    jobs: int
    """All of the user's, whatever they are for."""
    continues: bool
    """Whether a job that goes on with the run's queue is among them."""


def read_queued(run: RunPaths, name: str) -> Queued:
    """Ask Slurm for this user's jobs, and return those of a run.

    Args:
        run: The folder of the run.
        name: Of its plan.

    Raises:
        SlurmError: If Slurm can't be asked; sending more without knowing would send cells twice.
    """
    listed = ask("squeue", "--noheader", "--array", f"--user={getpass.getuser()}", "--format=%F|%K|%k")
    return parsed(listed, run, name)


def parsed(listed: str, run: RunPaths, name: str) -> Queued:
    """Return the jobs of a run in what `squeue` printed with `%F|%K|%k`."""
    rows = [line.split("|", 2) for line in listed.splitlines() if line.count("|") >= 2]
    ours = comment(name, "all").removesuffix("all")
    # A number alone is not enough: numbers start anew when a cluster is wiped.
    names = {job if task in ("N/A", "") else f"{job}_{task}" for job, task, said in rows if said.startswith(ours)}
    arrays = {one.cell: one.job for one in read_submitted(run) if one.name in names}
    continues = any(said == f"{ours}{CONTINUE}" for *_, said in rows)
    return Queued(cells=frozenset(arrays), arrays=arrays, jobs=len(rows), continues=continues)


@contextmanager
def only_one(run: RunPaths, waiting: Callable[[], None]) -> Iterator[None]:
    """Let one process at a time send jobs of a run; `waiting` is called if another is at it.

    Of two who queue a plan at once, the second sees in the queue what the first has sent. Where a shared disk keeps no
    locks this is not so, and the lease in the cell's folder keeps the second job out.
    """
    run.submitting.parent.mkdir(parents=True, exist_ok=True)
    with run.submitting.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError:
            yield
            return
        yield
