"""Which process this is, and whether another one on this host still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def host_name() -> str:
    """Return the name of this machine; in a Slurm job, the cluster's name for the node."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def started(pid: int) -> str | None:
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
