"""The process that makes one attempt at one cell."""

from __future__ import annotations

import os
import signal
import sys
import threading
from multiprocessing import connection, parent_process
from pathlib import Path
from types import FrameType

from harness.errors import CellError
from harness.store.attempts import next_number
from harness.store.paths import RunPaths


def work(run_root: str, cell_id: str, threads: int) -> None:
    """Run a cell of the plan in `run_root`; how it ended stands in its attempt file.

    Args:
        run_root: Folder of the run.
        cell_id: Which of its cells.
        threads: Torch threads.
    """
    signal.signal(signal.SIGTERM, _as_interrupt)
    signal.signal(signal.SIGINT, _as_interrupt)
    _die_with_the_runner()
    run = RunPaths(Path(run_root))
    paths = run.cell(cell_id)
    paths.attempts.mkdir(parents=True, exist_ok=True)
    _print_to(paths.log(next_number(paths)))

    from harness.training.cell import run_stored_cell

    try:
        run_stored_cell(run, cell_id, threads)
    except CellError as error:
        if error.kind != "taken":  # else somebody else was quicker, and makes the cell
            raise
        print(error.message)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """Stop once: the terminal and the runner both say so, and the second must not cut the first one's ending short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _die_with_the_runner() -> None:
    """End this process as soon as the runner is gone, so that a new runner never meets an old worker."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _print_to(path: Path) -> None:
    """Send what this process prints to a file: the terminal is the runner's."""
    stream = path.open("ab", buffering=0)
    os.dup2(stream.fileno(), sys.stdout.fileno())
    os.dup2(stream.fileno(), sys.stderr.fileno())
