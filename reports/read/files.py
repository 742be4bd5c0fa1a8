"""The files of one cell, with its step lines read once for all that is made from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.store.attempts import is_lost, read_resumes
from harness.store.lines import placed_lines
from harness.store.paths import CellPaths


@dataclass(frozen=True)
class CellFile:
    """One cell, and where it is kept."""

    id: str
    arm: str
    seed: int
    paths: CellPaths

    @cached_property
    def steps(self) -> list[dict[str, Any]]:
        """Its step lines in the order of steps, without those that a resume took back."""
        resumes = read_resumes(self.paths)
        latest: dict[int, dict[str, Any]] = {}
        for line in placed_lines(self.paths.train):
            attempt, step = int(line["attempt"]), int(line["step"])
            known = latest.get(step)
            if not is_lost(attempt, step, resumes) and (known is None or attempt >= known["attempt"]):
                latest[step] = line
        return [latest[step] for step in sorted(latest)]

    def signature(self) -> list[tuple[str, int, int]]:
        """Return name, size and time of change of every file that a report reads of it: another means another content.

        A file is only ever appended to or replaced, and the time is in nanoseconds.
        """
        logs = [self.paths.train, self.paths.ledger, self.paths.cosines, *self.paths.attempts.glob("*.json")]
        found = [_seen(path.name, path.stat()) for path in logs if path.exists()]
        if self.paths.records.is_dir():
            with os.scandir(self.paths.records) as entries:
                found += [_seen(one.name, one.stat()) for one in entries if one.name.endswith(".parquet")]
        return sorted(found)


def _seen(name: str, status: os.stat_result) -> tuple[str, int, int]:
    return name, status.st_size, status.st_mtime_ns
