"""What Slurm asks of a running job: signals, heard at once and heeded at the next good moment.

Seen on a real cluster (22.05): with `preempt_send_user_signal` a preempted job gets CONT and USR2 and has its grace
time; without it CONT and TERM, and has it too. Preemption without grace, `scontrol requeue`, `scancel` and the time
limit give CONT and TERM, and KILL comes `KillWait` seconds later. So a signal alone doesn't say why;
`scontrol show job` does.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from harness.errors import LEFT_NO_WORD, CauseKind, CellError
from slurm.commands import SlurmError, ask

HEARD = (signal.SIGUSR2, signal.SIGTERM)
BOUNCED: frozenset[CauseKind] = frozenset({"preempted", "time limit", "rank lost"})
"""Causes after which the job itself must ask to be queued again."""


@dataclass(kw_only=True)
class Notices:
    """The signals that a job has got."""

    heard: list[int] = field(default_factory=list)
    before: dict[int, Any] = field(default_factory=dict)
    """The handlers that were there, submitit's among them."""
    asking: threading.Lock = field(default_factory=threading.Lock)
    """Held by who asks Slurm to start the job again."""
    asked: bool = False
    """Whether Slurm will."""
    _cause: CellError | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Only note signals for as long as the block runs: what has to be done about them is no work for a handler."""
        for heard in (*HEARD, signal.SIGCONT):
            self.before[heard] = signal.signal(heard, self._note)
        try:
            yield
        finally:
            for number, handler in self.before.items():
                signal.signal(number, handler)

    def stop(self) -> CellError | None:
        """Return why the job must leave, if it has been told to; Slurm is asked once."""
        if self._cause is None and self.heard:
            self._cause = why(self.heard[0])
        return self._cause

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number in HEARD:
            self.heard.append(number)


def why(number: int) -> CellError:
    """Return why Slurm has sent a signal to this job, as far as it says."""
    name = signal.Signals(number).name
    job, restarts = os.environ.get("SLURM_JOB_ID"), int(os.environ.get("SLURM_RESTART_COUNT") or 0)
    if job is None:
        return CellError("preempted", name)
    try:
        shown = shown_job(job)
    except (SlurmError, OSError) as error:
        kind: CauseKind = "preempted" if number == signal.SIGUSR2 else "interrupted"
        return CellError(kind, f"{name}, and Slurm can't say why: {error}")
    return judged(shown, restarts, name)


def shown_job(job: str) -> dict[str, str]:
    """Return what `scontrol show job` says of a job.

    Raises:
        SlurmError: If it can't be asked.
    """
    return shown_fields(record_of(job, ask("scontrol", "--oneliner", "show", "job", job)))


def record_of(job: str, text: str) -> str:
    """Return a job's own line of what `scontrol --oneliner show job` printed.

    The last task of an array has the array's number, by which Slurm shows all of the array's tasks.
    """
    return next((line for line in text.splitlines() if f"JobId={job}" in line.split()), text)


def shown_fields(text: str) -> dict[str, str]:
    """Return the fields that `scontrol --oneliner show` printed."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def judged(shown: dict[str, str], restarts: int, name: str) -> CellError:
    """Return the cause behind a signal.

    Args:
        shown: What `scontrol show job` says of the job that got it.
        restarts: How often the job had been requeued when this attempt began.
        name: Of the signal.
    """
    state, at = shown.get("JobState", "unknown"), f"{name} while {shown.get('JobState', 'unknown')}"
    if state == "RUNNING" and shown.get("PreemptTime", "None") != "None":
        return CellError("preempted", f"by another job ({at})")
    if int(shown.get("Restarts") or 0) > restarts:
        return CellError("requeued", f"by Slurm ({at})")
    limit = f"the job's time limit of {shown.get('TimeLimit', 'unknown length')}"
    if state == "TIMEOUT" or shown.get("Reason") == "TimeLimit":
        return CellError("time limit", f"{limit} is over ({at})")
    if state == "RUNNING" and name == "SIGUSR2":
        return CellError("time limit", f"{limit} is near ({at})")
    if state in ("CANCELLED", "COMPLETING"):
        return CellError("cancelled", f"by scancel ({at})")
    bereft = state == "RUNNING" and int(shown.get("NumTasks") or 1) > 1  # srun ends the tasks that are left
    return CellError("rank lost", LEFT_NO_WORD) if bereft else CellError("interrupted", at)
