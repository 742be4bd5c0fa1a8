"""The clock of a file server: the only one that all nodes share.

A node's own clock may be an hour off. The times on files are not: they are set by the server that keeps them (by the
kernel, on a local disk), whoever writes. So the age of a file is the difference of two such times, the other one being
that of a file that has just been touched in the same place.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

VALID_S = 10.0
"""For so long the server's clock is carried on by this process's own, which doesn't jump."""

_read: dict[int, tuple[float, float]] = {}
"""By device: when it was read, on the monotonic clock, and what it said."""


def server_time(folder: Path) -> float:
    """Return the time in seconds on the clock of the server that keeps `folder`.

    Where nothing can be written (somebody else's run), this machine's own clock is all there is.
    """
    try:
        device = folder.stat().st_dev
        read_at, said = _read.get(device, (float("-inf"), 0.0))
        if time.monotonic() - read_at > VALID_S:
            read_at, said = _read[device] = time.monotonic(), _touched(folder)
    except OSError:
        return time.time()
    return said + time.monotonic() - read_at


def changed_at(path: Path) -> float | None:
    """Return when a file was last changed, on the server's clock; None when there is none.

    It is opened first: that makes a client of NFS ask the server, instead of believing what it heard a minute ago.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return os.fstat(handle).st_mtime
    finally:
        os.close(handle)


def _touched(folder: Path) -> float:
    probe = folder / f".clock.{secrets.token_hex(8)}"
    os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        os.utime(probe)
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
