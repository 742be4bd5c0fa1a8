"""`explorebench status` on 10,000 cells against a plain loop over the same files: `python -m benchmarks.status`."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measurement import HEADER, Row, in_turn
from benchmarks.synthetic import Arm, Store, write_store
from harness.store.paths import RunPaths

STORE = Store(arms=tuple(Arm(name=f"arm-{n}") for n in range(999)), checkpoints=1, suites=0, primary=0, steps=20)
"""Of 10,000 cells, base included; status reads no records."""
PLAIN = """
import json, os, sys
for cell in os.scandir(sys.argv[1]):
    folder = cell.path + "/attempts"
    last = max(name for name in os.listdir(folder) if name.endswith(".json"))
    json.loads(open(folder + "/" + last, "rb").read())
    try:
        json.loads(open(cell.path + "/train.jsonl", "rb").read().splitlines()[-1])
    except FileNotFoundError:
        pass
"""


def seconds(*command: str, processor: bool) -> float:
    """Return the wall seconds of a command, or its processor's: on a machine that does other things, those say more."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime if processor else wall


def measure(*, processor: bool = False) -> Row:
    """Time both."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "synthetic"
        write_store(root, STORE, np.random.default_rng(0))
        ours, plain = in_turn(
            lambda: seconds(
                str(Path(sys.executable).with_name("explorebench")), "status", str(root), processor=processor
            ),
            lambda: seconds(sys.executable, "-c", PLAIN, str(RunPaths(root).cells), processor=processor),
        )
    return Row(
        what=f"`explorebench status` on 10,000 cells{', processor time' if processor else ''}",
        peer="reading the same files in a plain loop",
        ours_s=ours,
        peer_s=plain,
        target="at most 2 s",
        command="python -m benchmarks.status",
    )


if __name__ == "__main__":
    print(HEADER, measure().markdown(), measure(processor=True).markdown(), sep="\n")
