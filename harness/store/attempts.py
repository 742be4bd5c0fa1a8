"""Attempts: who works on a cell, since when, and how it ended."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.errors import StoreError
from harness.store.atomic import FULL, create_json, overwrite_json, write_json
from harness.store.paths import CellPaths

Outcome = Literal["done", "interrupted", "failed"]
Resumes = Mapping[int, int]
"""Of each attempt that went on from a checkpoint: the step it went on from."""
BEAT_S = 20
"""A living attempt shows itself this often."""
HEARTBEAT_S = 120
"""An attempt on another host that has not shown itself for so long is taken for dead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One start of a cell's job."""

    attempt: int
    host: str
    pid: int
    pid_started: str | None
    """Tells this process from a later one with the same number."""
    started: float
    """Unix time in seconds."""
    ended: float | None = None
    outcome: Outcome | None = None
    cause: dict[str, str] | None = None
    """kind and message of what ended it, unless it is done."""
    phase: str = "starting"
    resumed_from_step: int = 0
    job: str | None = None
    """Slurm's number of the job that it ran in."""
    notes: tuple[str, ...] = ()
    """What happened that a reader of the row should know."""

    def alive(self, paths: CellPaths) -> bool:
        """Return whether its process still runs, as far as can be told from here."""
        if self.ended is not None:
            return False
        if self.host == socket.gethostname():
            return _process_started(self.pid) == self.pid_started and self.pid_started is not None
        return time.time() - paths.attempt(self.attempt).stat().st_mtime < HEARTBEAT_S


def read_attempts(paths: CellPaths) -> list[Attempt]:
    """Return the attempts at a cell, oldest first.

    Raises:
        StoreError: If one can't be read.
    """
    if not paths.attempts.is_dir():
        return []
    return [_read(file) for file in sorted(paths.attempts.glob("[0-9]*.json"))]


def read_resumes(paths: CellPaths) -> dict[int, int]:
    """Return the step that each attempt resumed from; attempts that never got that far are left out."""
    return {
        attempt.attempt: attempt.resumed_from_step for attempt in read_attempts(paths) if attempt.phase != "starting"
    }


def is_lost(attempt: int, step: int, resumes: Resumes) -> bool:
    """Return whether what `attempt` did at `step` was thrown away: a later one resumed from before it."""
    return any(later > attempt and start < step for later, start in resumes.items())


def next_number(paths: CellPaths) -> int:
    """Return the number of the attempt after all that were made."""
    return max((attempt.attempt for attempt in read_attempts(paths)), default=0) + 1


def begin(paths: CellPaths) -> Attempt:
    """Write and return a new attempt of this process.

    Raises:
        FileExistsError: If another process began the same attempt at the same moment.
    """
    number = next_number(paths)
    pid = os.getpid()
    attempt = Attempt(
        attempt=number,
        host=socket.gethostname(),
        pid=pid,
        pid_started=_process_started(pid),
        started=time.time(),
        job=os.environ.get("SLURM_JOB_ID"),
    )
    create_json(paths.attempt(number), asdict(attempt))
    return attempt


def update(paths: CellPaths, attempt: Attempt, **changes: Any) -> Attempt:
    """Write `attempt` with `changes` and return it."""
    changed = replace(attempt, **changes)
    path = paths.attempt(changed.attempt)
    try:
        write_json(path, asdict(changed))
    except OSError as error:
        if error.errno not in FULL or not path.exists():
            raise
        overwrite_json(path, asdict(changed))
    return changed


def end(paths: CellPaths, attempt: Attempt, outcome: Outcome, cause: dict[str, str] | None = None) -> Attempt:
    """Write how `attempt` ended."""
    return update(paths, attempt, ended=time.time(), outcome=outcome, cause=cause)


def beat(paths: CellPaths, attempt: Attempt) -> None:
    """Show that `attempt` still lives."""
    os.utime(paths.attempt(attempt.attempt))


@contextmanager
def beating(paths: CellPaths, attempt: Attempt) -> Iterator[None]:
    """Show every now and then that `attempt` lives, for as long as the block runs, however long its steps are."""
    over = threading.Event()

    def beats() -> None:
        while not over.wait(BEAT_S):
            beat(paths, attempt)

    thread = threading.Thread(target=beats, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _read(path: Path) -> Attempt:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        attempt = Attempt(**{**data, "notes": tuple(data["notes"])})
        if attempt.cause is not None:
            attempt = replace(attempt, cause={name: str(attempt.cause[name]) for name in ("kind", "message")})
        return replace(attempt, attempt=int(attempt.attempt), resumed_from_step=int(attempt.resumed_from_step))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(
            f"{path}: can't be read as an attempt ({type(error).__name__}: {error}); take the file away, and "
            "`explorebench queue` goes on with the cell from its newest checkpoint"
        ) from error


def _process_started(pid: int) -> str | None:
    """Return the start time of a process in clock ticks since boot; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _signalled(pid)
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _signalled(pid: int) -> str | None:
    """Do without /proc (macOS): any process of that number counts."""
    if Path("/proc").is_dir():
        return None
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return "unknown"
