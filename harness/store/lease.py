"""Ownership of a cell: of two attempts, only the later one may write, whatever the earlier one believes.

Taking: the next attempt's file is made by a link, which succeeds for one process only, even over NFS, and only when
the attempt before it is over. Then the lease of the one before is deleted. Holding: every write is preceded by touching
one's own lease; that always goes to the server, so an attempt whose lease is gone learns it at once, stops, and writes
nothing more. Between the touch and the write lie microseconds; a process that is frozen just there, and wakes up after
somebody else has taken the cell, can still append one line, which carries its own attempt's number.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import CellError
from harness.store import attempts, processes
from harness.store.attempts import Attempt, Cause, Outcome
from harness.store.paths import CellPaths
from harness.store.stages import Stage

BEAT_S = 20.0
"""A living attempt shows itself this often."""
LOOK_S = 2.0
"""Between two looks at another attempt's signs of life."""
GONE: tuple[Outcome, Cause] = ("interrupted", {"kind": "killed", "message": "its process is gone"})

Diagnose = Callable[[Attempt], tuple[Outcome, Cause]]
"""Says how an attempt ended that could not say it itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """What allows an attempt to write in its cell's folder."""

    paths: CellPaths
    attempt: int

    def require(self) -> None:
        """Show that the attempt lives, and raise if it may not write any more.

        Raises:
            CellError: If a later attempt has taken the cell.
        """
        try:
            os.utime(self.paths.lease(self.attempt))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                raise
            raise CellError("lost lease", f"another attempt has taken the cell from attempt {self.attempt}") from None

    @property
    def held(self) -> bool:
        """Whether the attempt may still write."""
        try:
            self.require()
        except CellError:
            return False
        return True

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease every now and then for as long as the block runs, however long its steps are."""
        over = threading.Event()

        def beats() -> None:
            while not over.wait(BEAT_S) and self.held:
                pass

        thread = threading.Thread(target=beats, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def take(paths: CellPaths, stage: Stage = "all", diagnose: Diagnose = lambda attempt: GONE) -> tuple[Attempt, Lease]:
    """Begin an attempt at a cell that nobody works on, and return it with its lease.

    Args:
        paths: The cell.
        stage: Which part of its work is attempted.
        diagnose: Asked when the attempt before this one could not say how it ended.

    Raises:
        CellError: If another process works on the cell, or began at the same moment.
    """
    last, _ = attempts.read_last(paths)
    if last is not None and not is_over(last, paths):
        raise CellError("taken", _whose(last, paths))
    try:
        attempt = attempts.begin(paths, stage, after=last.attempt if last else 0)
    except FileExistsError:
        other, _ = attempts.read_last(paths)
        raise CellError("taken", _whose(other or last, paths)) from None
    if last is not None:
        revoked = attempts.revoke(paths, last)
        if last.ended is None:
            outcome, cause = diagnose(last)
            attempts.update(paths, revoked, outcome=outcome, cause=cause)
    return attempt, Lease(paths=paths, attempt=attempt.attempt)


def is_over(other: Attempt, paths: CellPaths) -> bool:
    """Return whether an attempt works no more; this waits for one on another host that may only be quiet.

    The same job that Slurm has started again since then replaces it: Slurm ends a job before it starts it anew. A
    process on this host is looked up. Of others there is only the lease: one that has not been renewed for long enough,
    by the clock of the file server, has expired. One that looks fresh is watched for as long, by this process's own
    clock: what changes is alive, and no two clocks are compared.
    """
    if other.ended is not None or _is_restarted(other):
        return True
    if other.host == processes.host_name():
        return not other.alive(paths)
    return not other.alive(paths) or not _shows_itself(other, paths)


def _is_restarted(other: Attempt) -> bool:
    job, restart = os.environ.get("SLURM_JOB_ID"), int(os.environ.get("SLURM_RESTART_COUNT") or 0)
    return job is not None and other.job == job and other.restart < restart


def _shows_itself(other: Attempt, paths: CellPaths) -> bool:
    first, until = other.signs(paths), time.monotonic() + attempts.HEARTBEAT_S
    while time.monotonic() < until:
        time.sleep(LOOK_S)
        last, _ = attempts.read_last(paths)
        if last is None or last.attempt != other.attempt:
            return True  # somebody else was quicker, and shows itself
        if last.ended is not None:
            return False
        if other.signs(paths) != first:
            return True
    return False


def _whose(other: Attempt | None, paths: CellPaths) -> str:
    name = paths.root.name
    if other is None:
        return f"another process is working on {name}; stop it, or wait for it"
    job = f" (job {other.job})" if other.job else ""
    return f"process {other.pid} on {other.host}{job} is working on {name}; stop it, or wait for it"
