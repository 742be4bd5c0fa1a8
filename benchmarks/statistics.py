"""The statistics against those of others: `python -m benchmarks.statistics [iqm]`."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import HEADER, Row, in_turn
from reports.statistics.bootstrap import stratified_iqm_interval

RUNS, TASKS = 10, 20
REPETITIONS = 50_000
REPEATS = 3
PEER_PACKAGES = ("rliable==1.2.0", "pandas<3")
"""What rliable needs is not what we need, so it lives in an environment of its own."""
PEER_PROGRAM = f"""
import json, sys, time

import numpy as np
from rliable import library, metrics

scores = {{"arm": np.load(sys.argv[1])}}
np.random.seed(int(sys.argv[2]))
start = time.perf_counter()
_, intervals = library.get_interval_estimates(
    scores, lambda x: np.array([metrics.aggregate_iqm(x)]), reps={REPETITIONS}
)
seconds = time.perf_counter() - start
print(json.dumps({{"seconds": seconds, "interval": intervals["arm"].ravel().tolist()}}))
"""

Ends = tuple[float, float]


def iqm_rows() -> list[Row]:
    """Time the interquartile mean's interval, calls only: no start-up on either side.

    Raises:
        SystemExit: If rliable can't be installed, or its interval isn't ours within Monte Carlo error.
    """
    scores_ST = np.random.default_rng(0).random((RUNS, TASKS))
    ours: list[Ends] = []
    theirs: list[Ends] = []
    python = _peer_python()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.npy"
        np.save(path, scores_ST)
        seconds = in_turn(lambda: _ours(scores_ST, ours), lambda: _theirs(python, path, theirs), repeats=REPEATS)
    for pair in zip(ours, theirs, strict=True):
        _require_same(*pair)
    return [
        Row(
            what=f"IQM of {RUNS} runs x {TASKS} tasks, {REPETITIONS:,} repetitions: {_text(ours[0])}",
            peer=f"{PEER_PACKAGES[0].replace('==', ' ')}: {_text(theirs[0])}",
            ours_s=seconds[0],
            peer_s=seconds[1],
            target="at most 0.05",
            command="python -m benchmarks.statistics iqm",
        )
    ]


def _ours(scores_ST: NDArray[np.float64], intervals: list[Ends]) -> float:
    start = time.perf_counter()
    interval = stratified_iqm_interval(scores_ST, np.random.default_rng(len(intervals)), REPETITIONS)
    seconds = time.perf_counter() - start
    intervals.append(interval)
    return seconds


def _theirs(python: Path, scores: Path, intervals: list[Ends]) -> float:
    command = [str(python), "-c", PEER_PROGRAM, str(scores), str(len(intervals))]
    done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    low, high = done["interval"]
    intervals.append((low, high))
    return float(done["seconds"])


def _peer_python() -> Path:
    """Return the Python of rliable's environment, made under the user's cache where it is missing or broken."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "explorebench" / "rliable"
    python = folder / "bin" / "python"
    if python.exists() and not subprocess.run([python, "-c", "import rliable"], check=False).returncode:
        return python
    print(f"installing {' '.join(PEER_PACKAGES)} into {folder}", file=sys.stderr)
    install = [python, "-m", "pip", "install", "--quiet", *PEER_PACKAGES]
    for command in ([sys.executable, "-m", "venv", "--clear", folder], install):
        if subprocess.run([str(word) for word in command], check=False).returncode:
            raise SystemExit(f"rliable's environment could not be made in {folder}: see above; is there a network?")
    return python


def _require_same(ours: Ends, theirs: Ends) -> None:
    """Refuse intervals that differ by more than four standard errors of the difference of two simulated ends."""
    # Of a quantile: sqrt(p (1 - p) / R) / density, with the normal density that an interval of this width has.
    tail, normal = 0.025, 1.959964
    deviation = (theirs[1] - theirs[0]) / (2 * normal)
    density = math.exp(-(normal**2) / 2) / math.sqrt(2 * math.pi) / deviation
    allowed = 4 * math.sqrt(2 * tail * (1 - tail) / REPETITIONS) / density
    if max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) > allowed:
        raise SystemExit(f"our interval {ours} is not rliable's {theirs}: their ends may differ by {allowed:.5f}")


def _text(interval: Ends) -> str:
    return f"[{interval[0]:.4f}, {interval[1]:.4f}]"


PARTS: dict[str, Callable[[], list[Row]]] = {"iqm": iqm_rows}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the statistics against others'.")
    parser.add_argument("part", nargs="?", choices=PARTS, help="default: all")
    given = parser.parse_args()
    print(HEADER)
    for part in [given.part] if given.part else PARTS:
        for row in PARTS[part]():
            print(row.markdown(), flush=True)


if __name__ == "__main__":
    main()
