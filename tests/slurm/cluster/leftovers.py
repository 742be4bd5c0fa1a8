"""Clusters whose test session is gone."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from tests.slurm.cluster.layout import PREFIX, Layout
from tests.slurm.cluster.machines import machines, take_down

OWNED = re.compile(rf"{PREFIX}(\d+)-(\d+)")


def own_name() -> str:
    """Return a name for a cluster that says which process it belongs to."""
    return f"{os.getpid()}-{started(os.getpid())}"


def started(process: int) -> int | None:
    """Return when a process started, in clock ticks since boot, or None if there is none of that number."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None


def clear() -> list[Path]:
    """Take down the clusters of processes that are gone, and return their folders."""
    folders = {Path(folder) for folder, _ in machines()} | set(Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*"))
    dead = [
        folder
        for folder in sorted(folders)
        if (owner := OWNED.fullmatch(folder.name)) and started(int(owner[1])) != int(owner[2])
    ]
    for folder in dead:
        take_down(Layout(folder))
    return dead
