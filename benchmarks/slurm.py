"""Commands through a bare `sbatch --array` on the cluster of the tests: what Slurm itself takes."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.slurm.cluster.cluster import Cluster

CELLS = 200

SCRIPT = """#!/bin/bash
eval "$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {commands})"
echo "ended $?"
"""
"""The last line is written by the shell, so that the time of the file is when the command ended."""


def raw_seconds(
    cluster: Cluster, commands: Sequence[str], *, options: Sequence[str] = (), deadline_s: float = 900
) -> float:
    """Run commands as the tasks of one array, and return the wall seconds from submission to the end of the last.

    Args:
        cluster: On which; it should be idle.
        commands: A line of shell for each task.
        options: Of sbatch, such as `--cpus-per-task=1`.
        deadline_s: How long it may take.

    Raises:
        RuntimeError: If a command fails.
        NeverHappenedError: If it takes too long.
    """
    folder = Path(tempfile.mkdtemp(dir=cluster.shared))
    lines = folder / "commands"
    lines.write_text("".join(f"{command}\n" for command in commands))
    script = folder / "task.sh"
    script.write_text(SCRIPT.format(commands=shlex.quote(str(lines))))
    outputs = [folder / f"{task}.out" for task in range(len(commands))]

    def running() -> list[Path]:
        return [one for one in outputs if not one.exists() or "\nended " not in f"\n{one.read_text()}"]

    begun = time.time()
    cluster.command(
        "sbatch", f"--array=0-{len(commands) - 1}", f"--output={folder}/%a.out", *options, script,
        environment={"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
    )  # fmt: skip
    cluster.wait_for("the array to end", lambda: not running(), seconds=deadline_s)
    failed = {one.stem: said for one in outputs if not (said := one.read_text()).endswith("ended 0\n")}
    if failed:
        task, said = next(iter(failed.items()))
        raise RuntimeError(f"{len(failed)} of {len(commands)} commands failed; {commands[int(task)]}:\n{said[-2000:]}")
    return max(one.stat().st_mtime for one in outputs) - begun


def main() -> None:
    """Time bare starts of Python."""
    cluster = Cluster.start(f"benchmark-{os.getpid()}")
    try:
        seconds = raw_seconds(cluster, [f"{shlex.quote(sys.executable)} -c pass"] * CELLS)
    finally:
        cluster.stop()
    print(f"{CELLS} × `python -c pass` through `sbatch --array`: {seconds:.2f} s")


if __name__ == "__main__":
    main()
