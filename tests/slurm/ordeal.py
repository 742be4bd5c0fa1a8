"""Nine cells of a plan on a real cluster, and what is done to each: `python -m tests.slurm.ordeal` prints a table."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.plan.resolve import Plan, load_plan
from harness.runner.prepare import prepare
from harness.store.atomic import read_lines
from harness.store.attempts import Attempt, read_attempts
from harness.store.paths import CellPaths, RunPaths
from slurm.job import CellJob
from slurm.submitted import Submitted, append_submitted, comment
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.patient import install

PLAN = """
name: ordeal
arms: [patient]
controls: false
baseline: patient
seeds: 9
budget: {steps: 24}
checkpoints: 2
training: {prompts_per_step: 2, group_size: 4, pool: 64}
suites: [{sorting: {samples: 1}}]
"""
CALM, WITH_GRACE, WITHOUT_GRACE, REQUEUED, NODE_KILLED, CANCELLED, TIMED, FULL, LONG = range(9)
CELLS = range(9)
"""What happens to the cell of each seed."""
SECONDS = 400.0
"""For anything to happen, on a busy machine."""
STEPS = 24
PAUSE_S = {TIMED: 6.0, CALM: 4.0, LONG: 600.0}
"""After each step of a first job; Slurm looks at time limits each 30 s only."""
LONG_STEP = 14
"""Of the cell of that name, the first that is longer than what Slurm warns before: its job has sealed a checkpoint."""
OUT = "failed: out of memory: "
OVER_MB = 150
"""What no cell can do with."""


@dataclass
class Ordeal:
    """A run on a cluster, and what was seen of it."""

    cluster: FaultyCluster
    plan: Plan
    run: RunPaths
    calm: RunPaths
    """The same plan, on this machine, left alone."""
    jobs: dict[int, str] = field(default_factory=dict)
    """By seed, the last one."""
    sent: set[int] = field(default_factory=set)
    """Cells that have had a job with enough memory."""
    seen: dict[str, Any] = field(default_factory=dict)

    def paths(self, seed: int) -> CellPaths:
        return self.run.cell(self.cell(seed))

    def cell(self, seed: int) -> str:
        return next(cell.id for cell in self.plan.cells if cell.arm == "patient" and cell.seed == seed)

    def send(self, seed: int, node: str, partition: str = "main", memory_mb: int = 2000) -> str:
        """Send a cell's job as submitit does, and return its number; the first time it takes its time."""
        import submitit

        first = memory_mb > OVER_MB and seed not in self.sent
        os.environ["PATIENT_S"] = str(PAUSE_S.get(seed, 1.0) if first else 0)
        os.environ["PATIENT_FROM"] = str(LONG_STEP if seed == LONG else 0)
        self.sent |= {seed} if first else set()
        executor = submitit.SlurmExecutor(folder=self.run.jobs, max_num_timeout=10**6)
        executor.update_parameters(
            job_name="ordeal", time=30, mem=f"{memory_mb}M", cpus_per_task=1, partition=partition, signal_delay_s=30,
            comment=comment("ordeal", "all"), additional_parameters={
                "requeue": True, "open_mode": "append", "nodelist": node,
            },
        )  # fmt: skip
        job = str(executor.submit(CellJob(str(self.run.root), self.cell(seed), 1)).job_id)
        append_submitted(self.run, [Submitted(job=job, index=None, cell=self.cell(seed), stage="all")])
        self.jobs[seed] = job
        return job

    def steps(self, seed: int) -> int:
        return len(read_lines(self.paths(seed).train))

    def until(self, what: str, look: Callable[[], Any]) -> None:
        self.cluster.wait_for(what, look, SECONDS)

    def ended(self, job: str) -> str:
        """Return how a job ended; the controller forgets jobs after a while, accounting does not."""
        return next(iter(self.ends(job)), "")

    def ends(self, job: str) -> list[str]:
        """Return how each run of a job ended, oldest first."""
        rows = self.cluster.accounted(job, "JobIDRaw", "State")
        return [state for number, state in rows if number == job]

    def outcome(self, seed: int) -> str | None:
        made = read_attempts(self.paths(seed))
        return made[-1].outcome if made else None

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("explorebench")), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=self.cluster.environ())

    def status(self) -> tuple[dict[str, dict[str, Any]], str]:
        """Return what the command says of each cell, and its notes."""
        done = self.command("status", str(self.run.root), "--json")
        assert done.returncode == 0, done.stderr
        return {cell["id"]: cell for cell in json.loads(done.stdout)}, done.stderr


def made(paths: CellPaths) -> list[Attempt]:
    return read_attempts(paths)


def causes(paths: CellPaths) -> list[str | None]:
    return [attempt.cause["kind"] if attempt.cause else None for attempt in made(paths)]


def records(run: RunPaths, cell: str) -> dict[str, str]:
    files = sorted(run.cell(cell).records.glob("*.parquet"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def suffer(one: Ordeal) -> None:
    cluster = one.cluster
    one.send(CALM, "node2", memory_mb=OVER_MB)
    one.until("a job over its memory", lambda: one.ended(one.jobs[CALM]).startswith(("FAILED", "OUT_OF_MEMORY")))
    one.until("what it took to be accounted", lambda: one.status()[0][one.cell(CALM)]["words"].startswith(OUT))
    one.seen["over its memory"], _ = one.status()
    one.send(LONG, "node2")
    one.until("the long step", lambda: one.steps(LONG) == LONG_STEP - 1)  # its own line is written when it is over
    one.send(CALM, "node3")
    one.send(WITH_GRACE, "node1", "low")
    one.send(WITHOUT_GRACE, "node1", "abrupt")
    one.send(FULL, "node3")
    for seed in (REQUEUED, TIMED, CANCELLED):  # on a node with the right clock: libfaketime has Python's waiting fail
        one.send(seed, "node2")
    one.send(NODE_KILLED, "node4")
    cluster.end_in(one.jobs[LONG], 75)
    for seed in (CALM, WITH_GRACE, WITHOUT_GRACE, REQUEUED, CANCELLED, TIMED, NODE_KILLED):
        one.until(f"steps of cell {seed}", lambda seed=seed: one.steps(seed) >= 3)  # type: ignore[misc]  # bound now
    one.seen["running"], _ = one.status()
    first = one.jobs[CALM]
    one.seen["second job"] = one.send(CALM, "node2")
    one.jobs[CALM] = first
    cluster.end_in(one.jobs[TIMED], 75)  # the signal comes 30 s before that, at a look that is each 30 s
    cluster.kill_node("node4")
    cluster.notice("node4")
    cluster.preempt(one.jobs[WITH_GRACE])
    cluster.requeue(one.jobs[REQUEUED])
    cluster.scancel(one.jobs[CANCELLED])
    gone = ("squeue", "--noheader", f"--jobs={one.jobs[CANCELLED]}")
    one.until("the end of the cancelled job", lambda: not cluster.command(*gone).strip())  # it asks Slurm why
    cluster.restart_controller()
    one.seen["requeued"], _ = one.status()
    cluster.stop_accounting()
    cluster.kill_slurmd("node3")  # nothing is being launched there: Slurm would hold that job and drain the node
    one.seen["without accounting"] = one.status()
    cluster.start_accounting()  # a controller doesn't start without it
    cluster.kill_controller()
    one.seen["without a controller"] = one.status()
    cluster.start_controller()
    cluster.start_slurmd("node3")
    cluster.start_node("node4")


def make_room(one: Ordeal) -> None:
    """Free the disk of the cell that has filled it, once that has been seen."""
    one.until("a full disk", lambda: one.outcome(FULL) == "failed")
    one.seen["full"], _ = one.status()
    subprocess.run(["mount", "-o", "remount,size=200m", one.paths(FULL).root], check=True)


def finish(one: Ordeal) -> None:
    one.until("the end of the cancelled job", lambda: one.ended(one.jobs[CANCELLED]).startswith("CANCELLED"))
    one.seen["cancelled"], _ = one.status()
    one.send(CANCELLED, "node2")
    one.send(FULL, "node1")
    for seed in CELLS:
        one.until(f"the end of cell {seed}", lambda seed=seed: one.outcome(seed) == "done")  # type: ignore[misc]
    for seed in (WITH_GRACE, CANCELLED):
        one.until(f"the account of cell {seed}", lambda seed=seed: "COMPLETED" in one.ends(one.jobs[seed]))  # type: ignore[misc]
    one.until("the second job's end", lambda: one.ended(one.seen["second job"]) == "COMPLETED")
    command = ["queue", str(one.run.plan), "--runs", str(one.calm.root.parent), "--workers", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATIENT_S": "0"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("explorebench")), *command],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one.seen["records"] = {seed: records(one.run, one.cell(seed)) for seed in CELLS}
    one.seen["full paths"] = (made(one.paths(FULL)), causes(one.paths(FULL)))
    one.seen["full steps"] = read_lines(one.paths(FULL).train)


@contextmanager
def endured(cluster: FaultyCluster) -> Iterator[Ordeal]:
    """Send nine cells, do to each what its name says, and wait until all are done."""
    place = cluster.shared / "ordeal"
    site = install(place / "site")
    (place / "plan.yaml").write_text(PLAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        path = os.pathsep.join(part for part in (str(site), os.environ.get("PYTHONPATH")) if part)
        patch.setenv("PYTHONPATH", path)
        patch.setenv("PATIENT_S", "0")
        patch.setenv("PATIENT_ONCE", "1")
        patch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
        patch.delenv("SLURM_JOB_ID", raising=False)
        plan = load_plan(place / "plan.yaml")
        one = Ordeal(cluster, plan, RunPaths(place / "runs" / "ordeal"), RunPaths(place / "calm" / "ordeal"))
        prepare(plan, one.run)
        cluster.set_clock("node3", -3600)
        with cluster.small_disk(one.paths(FULL).root, megabytes=1):
            suffer(one)
            make_room(one)
            finish(one)
        cluster.set_clock("node3", 0)
        patch.delenv("PATIENT_S")
        yield one


WHAT = {
    CALM: "job over its memory before it begins; the next on a node an hour behind, slurmd killed, a second job beside",
    WITH_GRACE: "preempted, with grace",
    WITHOUT_GRACE: "preempted, without",
    REQUEUED: "`scontrol requeue`",
    NODE_KILLED: "its node is switched off",
    CANCELLED: "`scancel`, queued again",
    TIMED: "its time limit comes",
    LONG: "the same in the middle of a long step",
    FULL: "its disk is full, then has room",
}


def table(one: Ordeal) -> str:
    """Return what befell each cell, how its attempts ended, what was done twice, and whether the records are right."""
    lines = ["| what happened | attempts ended by | steps of 24 taken again | records |", "|---|---|---|---|"]
    for seed, what in WHAT.items():
        paths = one.paths(seed)
        known = one.seen["full paths"][1] if seed == FULL else causes(paths)
        ends = ", ".join(cause or "done" for cause in known)
        taken = [line["step"] for line in (one.seen["full steps"] if seed == FULL else read_lines(paths.train))]
        same = one.seen["records"][seed] == records(one.calm, one.cell(seed))
        lines.append(f"| {what} | {ends} | {len(taken) - len(set(taken))} | {'the same' if same else 'OTHERS'} |")
    return "\n".join(lines)


def main() -> None:
    """Have nine cells endure it on a cluster of their own."""
    cluster = FaultyCluster.start(f"ordeal-{os.getpid()}")
    try:
        with endured(cluster) as one:
            print(table(one))
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
