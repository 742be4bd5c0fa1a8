"""`explorebench --help` against a bare Python start."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measurement import HEADER, Row, in_turn


def _seconds(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure() -> Row:
    """Time both."""
    ours, bare = in_turn(
        lambda: _seconds(str(Path(sys.executable).with_name("explorebench")), "--help"),
        lambda: _seconds(sys.executable, "-c", "pass"),
        repeats=15,
    )
    return Row(
        what="`explorebench --help`",
        peer="`python -c pass`",
        ours_s=ours,
        peer_s=bare,
        target="at most 0.4 s",
        command="python -m benchmarks.help",
    )


if __name__ == "__main__":
    print(HEADER, measure().markdown(), sep="\n")
