"""What the processes of a cell printed: which files that is, and their ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import StoreError
from harness.store.attempts import read_attempts, read_last
from harness.store.paths import CellPaths, RunPaths
from harness.store.visible import visible

TAIL_BYTES = 2**18
LOOK_S = 0.5


def log_files(run: RunPaths, cell: str, attempt: int | None, sent: Sequence[str]) -> list[Path]:
    """Return the files in which the output of an attempt is: its own, or what Slurm wrote for its job.

    Args:
        run: The run.
        cell: Id of the cell.
        attempt: Its number; None for the last one.
        sent: Names of the jobs that were sent for the cell, for a job that never came to an attempt.

    Raises:
        StoreError: If there is no such attempt, or no such file.
    """
    paths, made = run.cell(cell), read_attempts(run.cell(cell))
    if attempt is not None and attempt > len(made):
        raise StoreError(f"{cell} has had {len(made)} attempts; got --attempt {attempt}")
    if made:
        one = made[(attempt or 0) - 1]
        own, names = paths.log(one.attempt), [name for name in (one.task, one.job) if name]
    else:
        own, names = None, list(sent[-1:])
    if own is not None and own.exists():
        return [own]
    found = sorted(file for name in names for file in run.jobs.rglob(f"{name}_*_log.*"))
    if not found:
        looked = (
            f"{own or paths.attempts} and, for job {' or '.join(names)}, {run.jobs}"
            if names
            else str(own or paths.attempts)
        )
        raise StoreError(f"{cell}: nothing printed is here; looked at {looked}")
    return found


def last_lines(file: Path, count: int) -> list[str]:
    """Return the last lines of a file, made safe to show."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return [_shown(line) for line in stream.read().splitlines()[-count:]]


def followed(paths: CellPaths, files: Sequence[Path]) -> Iterator[str]:
    """Yield the lines that are added to files from now on, until the cell's last attempt has ended."""
    ends = {file: file.stat().st_size for file in files}
    over = False
    while True:
        for file in files:
            with file.open("rb") as stream:
                stream.seek(ends[file])
                data = stream.read()
            whole = len(data) if over else data.rfind(b"\n") + 1
            ends[file] += whole
            yield from (_shown(line) for line in data[:whole].splitlines())
        if over:
            return
        last, _ = read_last(paths)
        over = last is None or not last.alive(paths)
        if not over:
            time.sleep(LOOK_S)


def _shown(line: bytes) -> str:
    return visible(line.decode("utf-8", "replace"))
