"""Cells through `queue --on slurm` against a bare `sbatch --array` of the same work: `python -m benchmarks.slurm`.

Both make the same cells on a cluster of their own, so many at once. Ours is timed from the command as it is typed, with
its snapshot of the code, its probe and its submission, to the end of the last cell; the bare one from `sbatch` on, with
its run prepared before.
"""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from benchmarks.measurement import HEADER, Row, in_turn
from harness.plan.resolve import Plan, load_plan
from harness.runner.prepare import prepare
from harness.store.paths import RunPaths
from harness.store.status import read_cells
from tests.slurm.cluster.cluster import Cluster

NAME = "many"
PLAN = """
name: many
arms: [grpo]
baseline: grpo
seeds: {seeds}
intervals: false
budget: {{steps: 1}}
checkpoints: 1
training: {{prompts_per_step: 1, group_size: 4, pool: 8}}
suites: [{{sorting: {{samples: 1}}}}]
"""
PROFILE = "memory: 1G\ntime: 10\ncpus: 1\nat_once: {at_once}\n"
LOOK_S = 2.0
SCRIPT = """#!/bin/bash
eval "$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {commands})"
echo "ended $?"
"""
"""The last line is written by the shell, so that the time of the file is when the command ended."""


def raw_seconds(
    cluster: Cluster,
    commands: Sequence[str],
    *,
    options: Sequence[str] = (),
    at_once: int | None = None,
    deadline_s: float = 900,
) -> float:
    """Run commands as the tasks of one array, and return the wall seconds from submission to the end of the last.

    Args:
        cluster: On which; it should be idle.
        commands: A line of shell for each task.
        options: Of sbatch, such as `--cpus-per-task=1`.
        at_once: Most tasks that run side by side; by default as many as there is room for.
        deadline_s: How long it may take.

    Raises:
        RuntimeError: If a command fails.
        TimeoutError: If it takes too long.
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
    tasks = f"0-{len(commands) - 1}" + (f"%{at_once}" if at_once else "")
    cluster.command(
        "sbatch", f"--array={tasks}", f"--output={folder}/%a.out", *options, script,
        environment={"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
    )  # fmt: skip
    wait(lambda: not running(), deadline_s)
    failed = {one.stem: said for one in outputs if not (said := one.read_text()).endswith("ended 0\n")}
    if failed:
        task, said = next(iter(failed.items()))
        raise RuntimeError(f"{len(failed)} of {len(commands)} commands failed; {commands[int(task)]}:\n{said[-2000:]}")
    return max(one.stat().st_mtime for one in outputs) - begun


def ours_seconds(cluster: Cluster, folder: Path, *, deadline_s: float = 3600) -> float:
    """Type `queue` for the plan in a folder, and return the wall seconds until its last cell is done.

    Raises:
        RuntimeError: If a cell fails, or the command does.
        TimeoutError: If it takes too long.
    """
    run = RunPaths(folder / "runs" / NAME)
    begun = time.time()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("explorebench")), "queue", "plan.yaml", "--on", "slurm"],
        cwd=folder, env=environment(cluster), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"queue: exit code {done.returncode}\n{done.stdout}{done.stderr}")

    def over() -> bool:
        return not cluster.command("squeue", "--noheader", "--name", f"{NAME}-all").strip()

    wait(over, deadline_s)
    cells = read_cells(run)
    failed = [f"{cell.id}: {cell.state}, {cell.cause}" for cell in cells if cell.state != "done"]
    if failed:
        raise RuntimeError("\n".join([f"{len(failed)} of {len(cells)} cells are not done", *failed[:5]]))
    return max(one.stat().st_mtime for one in run.jobs.glob("*_log.out")) - begun


def wait(over: Callable[[], bool], deadline_s: float) -> None:
    """Wait until something is over, looking seldom: what looks takes its time from what is measured."""
    until = time.monotonic() + deadline_s
    while not over():
        if time.monotonic() > until:
            raise TimeoutError(f"not over after {deadline_s:g} s")
        time.sleep(LOOK_S)


def commands_of(plan: Plan, run: RunPaths) -> list[str]:
    """Prepare a run, and return for each of its cells the line of shell that makes it."""
    prepare(plan, run)
    python = f"{shlex.quote(sys.executable)} -c"
    made = [f"from slurm.job import CellJob; CellJob({str(run.root)!r}, {cell.id!r}, 1)()" for cell in plan.cells]
    return [f"{python} {shlex.quote(line)}" for line in made]


def environment(cluster: Cluster) -> dict[str, str]:
    paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return cluster.environ(PYTHONPATH=os.pathsep.join(paths))


@click.command(help=__doc__)
@click.option("--cells", default=200, show_default=True)
@click.option("--at-once", default=4, show_default=True)
@click.option("--repeats", default=1, show_default=True, help="Of each, in turn.")
def main(cells: int, at_once: int, repeats: int) -> None:
    cluster = Cluster.start(f"benchmark-{os.getpid()}")
    os.environ["PYTHONPATH"] = environment(cluster)["PYTHONPATH"]  # the tasks of an array have what sbatch has
    places = itertools.count()

    def folder() -> Path:
        made = cluster.shared / f"turn-{next(places)}"
        made.mkdir()
        (made / "plan.yaml").write_text(PLAN.format(seeds=cells // 2))
        (made / "cluster.yaml").write_text(PROFILE.format(at_once=at_once))
        return made

    def bare() -> float:
        place = folder()
        commands = commands_of(load_plan(place / "plan.yaml"), RunPaths(place / "runs" / NAME))
        return raw_seconds(
            cluster, commands, options=["--cpus-per-task=1", "--mem=1G"], at_once=at_once, deadline_s=3600
        )

    try:
        ours, theirs = in_turn(lambda: ours_seconds(cluster, folder()), bare, repeats)
    finally:
        cluster.stop()
    row = Row(
        what=f"{cells} cells of one step, {at_once} at once, `queue --on slurm`",
        peer="a bare `sbatch --array` of the same cells",
        ours_s=ours,
        peer_s=theirs,
        target="1.15",
        command="python -m benchmarks.slurm",
    )
    print(HEADER, row.markdown(), sep="\n")


if __name__ == "__main__":
    main()
