"""How long it takes to send many cells to Slurm, and with how many calls of sbatch: `python -m benchmarks.submission`.

The jobs are held, so that nothing runs, and cancelled afterwards. It is the command as it is typed, Python's start and
reading the plan included; the probe before it is left out, since it waits for a node.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.slurm.cluster.faults import FaultyCluster

PLAN = """
name: many
arms: [grpo]
baseline: grpo
seeds: {seeds}
budget: {{steps: 1}}
checkpoints: 1
training: {{prompts_per_step: 1, group_size: 4, pool: 8}}
suites: [{{sorting: {{samples: 1}}}}]
"""
PROFILE = "memory: 1G\ntime: 10\nsbatch: {hold: true}\n"
NAME = "submission"


class Measured(NamedTuple):
    """One `queue`."""

    wall_s: float
    cpu_s: float
    """Of the command alone: what is left of the wall, others on this machine took, or Slurm."""
    calls: int
    """Of sbatch, in all so far."""
    printed: str


def measure(cells: int, cluster: FaultyCluster, folder: Path) -> Measured:
    """Type `queue` for so many cells."""
    (folder / "plan.yaml").write_text(PLAN.format(seeds=cells // 2))
    (folder / "cluster.yaml").write_text(PROFILE)
    calls = folder / "calls"
    counted = folder / "bin" / "sbatch"
    counted.parent.mkdir(exist_ok=True)
    counted.write_text(f'#!/bin/sh\necho called >> {calls}\nexec {shutil.which("sbatch")} "$@"\n')
    counted.chmod(0o755)
    environment = cluster.environ()
    paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PATH": f"{counted.parent}:{environment['PATH']}", "PYTHONPATH": os.pathsep.join(paths)}
    command = [str(Path(sys.executable).with_name("explorebench")), "queue", "plan.yaml", "--on", "slurm"]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*command, "--no-preflight"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Measured(
        wall_s=time.perf_counter() - started,
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        calls=len(calls.read_text().splitlines()),
        printed=done.stdout,
    )


def main() -> None:
    """Print a line for the first submission, and one for the same typed again, which sends nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    cells = parser.parse_args().cells
    cluster = FaultyCluster.start(NAME)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for what in ("first", "again"):
                found = measure(cells, cluster, Path(folder))
                sent = next(line for line in found.printed.splitlines() if line.endswith("jobs queued"))
                took = f"{found.wall_s:.1f} s ({found.cpu_s:.1f} s of CPU)"
                print(f"{what}: {took}, {found.calls} calls of sbatch so far, {sent}", flush=True)
            cluster.command("scancel", "--me")
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
