"""Attempts: who works on a cell, since when, and how it ended."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from harness.store import processes
from harness.store.atomic import FULL, create_json, overwrite_json, write_json
from harness.store.clock import changed_at, server_time
from harness.store.paths import CellPaths
from harness.store.stages import Stage

Outcome = Literal["done", "interrupted", "failed"]
Cause = dict[str, str]
"""kind and message."""
Resumes = Mapping[int, int]
"""Of each attempt that went on from a checkpoint: the step it went on from."""
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
    """Unix time in seconds, on the host's own clock."""
    born: float | None = field(default=None, compare=False)
    """The same on the clock of the file server, by which signs of life are timed."""
    ended: float | None = None
    outcome: Outcome | None = None
    cause: Cause | None = None
    """What ended it, unless it is done."""
    phase: str = "starting"
    stage: Stage = "all"
    resumed_from_step: int = 0
    found: Mapping[str, int] | None = None
    """How much of the cell was there when it started: see `harness.store.progress`."""
    job: str | None = None
    """Slurm's number of the job that it ran in."""
    task: str | None = None
    """Of a task of an array: the array's number and its place in it, by which Slurm names its output."""
    restart: int = 0
    """How often Slurm had requeued that job."""
    notes: tuple[str, ...] = ()
    """What happened that a reader of the row should know."""

    def alive(self, paths: CellPaths) -> bool:
        """Return whether its process still runs, as far as can be told from here."""
        if self.ended is not None:
            return False
        if self.host == processes.host_name():
            return processes.started(self.pid) == self.pid_started and self.pid_started is not None
        seen = self.last_seen(paths)
        return seen is not None and server_time(paths.attempts) - seen < HEARTBEAT_S

    def last_seen(self, paths: CellPaths) -> float | None:
        """Return when it last showed itself, on the file server's clock; None if its files are gone."""
        return max((at for at in self.signs(paths) if at is not None), default=None)

    def signs(self, paths: CellPaths) -> tuple[float | None, float | None]:
        """Return when its lease and its file were last changed: for as long as it lives, the pair doesn't stay."""
        return changed_at(paths.lease(self.attempt)), changed_at(paths.attempt(self.attempt))

    def seconds(self) -> float:
        """Return how long it ran; 0 for one that has not ended."""
        return max(0.0, self.ended - self.started) if self.ended is not None else 0.0


def read_attempts(paths: CellPaths) -> list[Attempt]:
    """Return the attempts at a cell, oldest first."""
    return [_parse(paths.attempt(number)) for number in _numbers(paths)]


def read_last(paths: CellPaths) -> tuple[Attempt | None, int]:
    """Return the last attempt at a cell, and how many there were, without reading the others."""
    found = _numbers(paths)
    return (_parse(paths.attempt(found[-1])) if found else None), len(found)


def read_resumes(paths: CellPaths) -> dict[int, int]:
    """Return the step that each attempt at training resumed from; those that never got that far are left out."""
    return {
        attempt.attempt: attempt.resumed_from_step
        for attempt in read_attempts(paths)
        if attempt.phase != "starting" and attempt.stage != "evaluate"
    }


def is_lost(attempt: int, step: int, resumes: Resumes) -> bool:
    """Return whether what `attempt` did at `step` was thrown away: a later one resumed from before it."""
    return any(later > attempt and start < step for later, start in resumes.items())


def begin(paths: CellPaths, stage: Stage = "all", *, after: int | None = None) -> Attempt:
    """Write and return a new attempt of this process, with its lease.

    Args:
        paths: The cell.
        stage: Which part of its work is attempted.
        after: The number of the attempt that it follows; without it, of the last one that is there.

    Raises:
        FileExistsError: If another process began the same attempt, or has overtaken it meanwhile.
    """
    number = (len(_numbers(paths)) if after is None else after) + 1
    pid = os.getpid()
    attempt = Attempt(
        attempt=number,
        host=processes.host_name(),
        pid=pid,
        pid_started=processes.started(pid),
        started=time.time(),
        stage=stage,
        job=os.environ.get("SLURM_JOB_ID"),
        task=_task(),
        restart=int(os.environ.get("SLURM_RESTART_COUNT") or 0),
    )
    create_json(paths.attempt(number), asdict(attempt))
    paths.lease(number).touch()
    if paths.attempt(number + 1).exists():  # it was so long between the two that somebody else has taken the cell
        paths.lease(number).unlink(missing_ok=True)
        raise FileExistsError(paths.attempt(number + 1))
    return replace(attempt, born=changed_at(paths.lease(number)))


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


def end(paths: CellPaths, attempt: Attempt, outcome: Outcome, cause: Cause | None = None) -> Attempt:
    """Write how `attempt` ended, and give its lease back."""
    ended = update(paths, attempt, ended=time.time(), outcome=outcome, cause=cause)
    paths.lease(attempt.attempt).unlink(missing_ok=True)
    return ended


def revoke(paths: CellPaths, attempt: Attempt) -> Attempt:
    """Take its lease from an attempt, and return it as one that ended, if it had not: when it last showed itself."""
    seen = attempt.last_seen(paths)
    paths.lease(attempt.attempt).unlink(missing_ok=True)
    if attempt.ended is not None:
        return attempt
    lasted = 0.0 if seen is None or attempt.born is None else max(0.0, seen - attempt.born)
    return replace(attempt, ended=attempt.started + lasted)


def close(paths: CellPaths, attempt: Attempt, outcome: Outcome, cause: Cause) -> Attempt:
    """Write how an attempt ended that could not do so itself, and take its lease away."""
    return update(paths, revoke(paths, attempt), outcome=outcome, cause=cause)


def _task() -> str | None:
    array, place = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{place}" if array and place else None


def _numbers(paths: CellPaths) -> list[int]:
    """Return the numbers of the attempts that are there, in order."""
    try:
        names = os.listdir(paths.attempts)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit())


def _parse(file: Path) -> Attempt:
    with open(file, "rb") as stream:  # a run may have ten thousand of them, and this takes half the time
        data = json.loads(stream.read())
    data["notes"] = tuple(data["notes"])
    return Attempt(**data)
