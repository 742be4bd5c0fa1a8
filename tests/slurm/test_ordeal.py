"""A plan on a real cluster to which everything happens that can: each cell ends with the records of one left alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.plan.resolve import Plan, load_plan
from harness.runner.prepare import prepare
from harness.store.atomic import read_lines
from harness.store.attempts import Attempt, is_lost, read_attempts, read_resumes
from harness.store.paths import CellPaths, RunPaths
from slurm.job import CellJob
from slurm.submitted import Submitted, append_submitted, comment
from tests.slurm.cluster.faults import FaultyCluster

PATIENT = """
import os
import time
from dataclasses import dataclass
from typing import ClassVar

from strategies.contract import Strategy


@dataclass(frozen=True, kw_only=True)
class Patient(Strategy):
    \"\"\"GRPO that waits after each step, so that there is time for something to happen.\"\"\"

    family: ClassVar[str] = "controls"
    summary: ClassVar[str] = "GRPO, slowly"

    def react(self, progress, state):
        time.sleep(float(os.environ.get("PATIENT_S", "0")))
        return [], state
"""
PLAN = """
name: ordeal
arms: [patient]
controls: false
baseline: patient
seeds: 8
budget: {steps: 24}
checkpoints: 2
training: {prompts_per_step: 2, group_size: 4, pool: 64}
suites: [{sorting: {samples: 1}}]
"""
CALM, WITH_GRACE, WITHOUT_GRACE, REQUEUED, NODE_KILLED, CANCELLED, TIMED, FULL = range(8)
"""What happens to the cell of each seed."""
SECONDS = 400.0
"""For anything to happen, on a busy machine."""
STEPS = 24
PAUSE_S = {TIMED: 4.0, CALM: 4.0}
"""After each step of a first job; Slurm looks at time limits each 30 s only."""
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
    seen: dict[str, Any] = field(default_factory=dict)

    def paths(self, seed: int) -> CellPaths:
        return self.run.cell(self.cell(seed))

    def cell(self, seed: int) -> str:
        return next(cell.id for cell in self.plan.cells if cell.arm == "patient" and cell.seed == seed)

    def send(self, seed: int, node: str, partition: str = "main", memory_mb: int = 2000) -> str:
        """Send a cell's job as submitit does, and return its number; the first time it takes its time."""
        import submitit

        first = memory_mb > OVER_MB and seed not in self.seen.setdefault("sent", set())
        os.environ["PATIENT_S"] = str(PAUSE_S.get(seed, 1.0) if first else 0)
        self.seen["sent"] |= {seed} if first else set()
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


@pytest.fixture(scope="module")
def ordeal(cluster: FaultyCluster) -> Iterator[Ordeal]:
    """Send eight cells, do to each what its name says, and wait until all are done."""
    place = cluster.shared / "ordeal"
    info = place / "site" / "patient-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "site" / "patient.py").write_text(PATIENT)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: patient\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[explorebench.strategies]\npatient = patient:Patient\n")
    (place / "plan.yaml").write_text(PLAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place / "site")
        path = os.pathsep.join(part for part in (str(place / "site"), os.environ.get("PYTHONPATH")) if part)
        patch.setenv("PYTHONPATH", path)
        patch.setenv("PATIENT_S", "0")
        patch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
        patch.delenv("SLURM_JOB_ID", raising=False)
        plan = load_plan(place / "plan.yaml")
        one = Ordeal(cluster, plan, RunPaths(place / "runs" / "ordeal"), RunPaths(place / "calm" / "ordeal"))
        prepare(plan, one.run)
        cluster.set_clock("node3", -3600)
        with cluster.small_disk(one.paths(FULL).root, megabytes=1):
            _suffer(one)
            _make_room(one)
            _finish(one)
        cluster.set_clock("node3", 0)
        patch.delenv("PATIENT_S")
        yield one


def _suffer(one: Ordeal) -> None:
    cluster = one.cluster
    one.send(CALM, "node2", memory_mb=OVER_MB)
    one.until("a job over its memory", lambda: cluster.state(one.jobs[CALM]) == "FAILED")
    one.seen["over its memory"], _ = one.status()
    one.send(CALM, "node3")
    one.send(WITH_GRACE, "node1", "low")
    one.send(WITHOUT_GRACE, "node1", "abrupt")
    for seed in (REQUEUED, CANCELLED, TIMED, FULL):
        one.send(seed, "node2")
    one.send(NODE_KILLED, "node4")
    for seed in (CALM, WITH_GRACE, WITHOUT_GRACE, REQUEUED, CANCELLED, TIMED, NODE_KILLED):
        one.until(f"steps of cell {seed}", lambda seed=seed: one.steps(seed) >= 3)  # type: ignore[misc]  # bound now
    one.seen["running"], _ = one.status()
    first = one.jobs[CALM]
    one.seen["second job"] = one.send(CALM, "node2")
    one.jobs[CALM] = first
    cluster.end_in(one.jobs[TIMED], 40)
    cluster.kill_node("node4")
    cluster.notice("node4")
    cluster.preempt(one.jobs[WITH_GRACE])
    cluster.requeue(one.jobs[REQUEUED])
    cluster.scancel(one.jobs[CANCELLED])
    cluster.restart_controller()
    one.seen["requeued"], _ = one.status()
    cluster.stop_accounting()
    cluster.kill_slurmd("node1")
    one.seen["without accounting"] = one.status()
    cluster.start_accounting()  # a controller doesn't start without it
    cluster.kill_controller()
    one.seen["without a controller"] = one.status()
    cluster.start_controller()
    cluster.start_slurmd("node1")
    cluster.start_node("node4")


def _make_room(one: Ordeal) -> None:
    """Free the disk of the cell that has filled it, once that has been seen."""
    one.until("a full disk", lambda: one.outcome(FULL) == "failed")
    one.seen["full"], _ = one.status()
    subprocess.run(["mount", "-o", "remount,size=200m", one.paths(FULL).root], check=True)


def _finish(one: Ordeal) -> None:
    one.until("the end of the cancelled job", lambda: one.cluster.state(one.jobs[CANCELLED]) == "CANCELLED")
    one.seen["cancelled"], _ = one.status()
    one.send(CANCELLED, "node2")
    one.send(FULL, "node1")
    for seed in range(8):
        one.until(f"the end of cell {seed}", lambda seed=seed: one.outcome(seed) == "done")  # type: ignore[misc]
    one.until("the second job's end", lambda: one.cluster.state(one.seen["second job"]) == "COMPLETED")
    command = ["queue", str(one.run.plan), "--runs", str(one.calm.root.parent), "--workers", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATIENT_S": "0"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("explorebench")), *command],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one.seen["records"] = {seed: records(one.run, one.cell(seed)) for seed in range(8)}
    one.seen["full paths"] = (made(one.paths(FULL)), causes(one.paths(FULL)))


@pytest.mark.parametrize("seed", range(8))
def test_the_records_are_those_of_a_run_left_alone(ordeal: Ordeal, seed: int) -> None:
    expected = records(ordeal.calm, ordeal.cell(seed))
    assert len(expected) == 2
    assert ordeal.seen["records"][seed] == expected


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (WITH_GRACE, ["preempted", None]),
        (WITHOUT_GRACE, ["preempted|requeued", None]),
        (REQUEUED, ["requeued", None]),
        (NODE_KILLED, ["node failure", None]),
        (TIMED, ["time limit", None]),
        (CANCELLED, ["cancelled", None]),
        (CALM, [None]),
    ],
)
def test_each_cause_is_told(ordeal: Ordeal, seed: int, expected: list[str | None]) -> None:
    found = causes(ordeal.paths(seed))
    assert len(found) == len(expected)
    assert all(
        one == other or (one and other and one in other.split("|")) for one, other in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("seed", [WITH_GRACE, WITHOUT_GRACE, REQUEUED, NODE_KILLED, TIMED, CANCELLED])
def test_what_was_reached_is_not_done_again(ordeal: Ordeal, seed: int) -> None:
    """Where there was time to save, no step is lost; where there was none, those since the last checkpoint."""
    paths = ordeal.paths(seed)
    first, second = made(paths)
    resumes = read_resumes(paths)
    lines = read_lines(paths.train)
    kept = [line["step"] for line in lines if not is_lost(line["attempt"], line["step"], resumes)]
    assert kept == list(range(1, STEPS + 1)), "each step counts once"
    lost = len(lines) - len(kept)
    reached = max((line["step"] for line in lines if line["attempt"] == first.attempt), default=0)
    if seed in (WITH_GRACE, TIMED):
        assert (lost, second.resumed_from_step) == (0, reached)
    else:
        assert lost == reached - second.resumed_from_step


def test_a_full_disk_fails_one_cell_alone(ordeal: Ordeal) -> None:
    full = ordeal.seen["full"][ordeal.cell(FULL)]
    assert full["state"] == "failed"
    assert full["words"].startswith("failed: disk full: ")
    _, found = ordeal.seen["full paths"]
    assert found == ["disk full", None]


def test_states_are_told_in_our_words(ordeal: Ordeal) -> None:
    running = ordeal.seen["running"][ordeal.cell(REQUEUED)]
    assert running["words"].startswith("running at ")
    assert running["job"] == ordeal.jobs[REQUEUED]
    again = ordeal.seen["requeued"][ordeal.cell(REQUEUED)]
    assert (again["state"], again["requeued"]) in (("queued", 1), ("running", 1))
    assert "requeued once" in again["words"]
    cancelled = ordeal.seen["cancelled"][ordeal.cell(CANCELLED)]
    assert cancelled["words"].startswith("interrupted: cancelled: ")
    over = ordeal.seen["over its memory"][ordeal.cell(CALM)]
    assert over["words"].startswith("failed: out of memory: ")


def test_status_works_without_accounting_and_without_a_controller(ordeal: Ordeal) -> None:
    cells, _ = ordeal.seen["without accounting"]
    assert len(cells) == 16
    cells, notes = ordeal.seen["without a controller"]
    assert len(cells) == 16
    assert "Slurm's queue can't be seen: " in notes
    assert "States are what the run's files say" in notes


def test_of_two_jobs_for_one_cell_the_second_leaves_it_alone(ordeal: Ordeal) -> None:
    (attempt,) = made(ordeal.paths(CALM))
    assert attempt.job == ordeal.jobs[CALM]
    log = next(ordeal.run.jobs.glob(f"{ordeal.seen['second job']}_*_log.out")).read_text()
    assert "is working on" in log


def test_each_attempt_has_its_own_line_in_slurms_accounting(ordeal: Ordeal) -> None:
    done = ordeal.command("account", str(ordeal.run.root))
    assert done.returncode == 0, done.stderr
    found = json.loads(ordeal.run.accounting.read_text())
    first, second = found[ordeal.jobs[WITH_GRACE]]
    assert first["state"] in ("PREEMPTED", "REQUEUED")
    assert second["state"] == "COMPLETED"
    assert second["max_rss_bytes"] > 100 * 2**20
    assert second["elapsed_s"] > 0


def test_logs_finds_what_the_job_printed(ordeal: Ordeal) -> None:
    done = ordeal.command("logs", str(ordeal.run.root), ordeal.cell(WITH_GRACE), "--path")
    assert sorted(Path(line).name for line in done.stdout.split()) == [
        f"{ordeal.jobs[WITH_GRACE]}_0_log.err",
        f"{ordeal.jobs[WITH_GRACE]}_0_log.out",
    ]
