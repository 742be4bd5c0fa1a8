"""Several tasks for one cell: what each is told, what is asked for, what is refused; and two nodes that train one."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from harness.plan.resolve import Plan, load_plan
from harness.store.atomic import read_lines
from harness.store.attempts import read_attempts
from harness.store.paths import RunPaths
from slurm.commands import SlurmError
from slurm.dispatch import Dispatcher
from slurm.executor import Batch, Cluster, make_executor, script
from slurm.fit import unusable
from slurm.launch import unlaunchable
from slurm.limits import Limits
from slurm.profile import Profile
from slurm.ranks import PORTS, join, name_task, port_of
from slurm.requests import Request
from tests.slurm.cluster.faults import FaultyCluster

PLAN = """
name: ranks
arms: [grpo]
baseline: grpo
seeds: 1
intervals: false
budget: {steps: %d}
checkpoints: 1
training: {prompts_per_step: 1, group_size: 4, pool: 8%s}
suites: [{sorting: {samples: 1}}]
"""


def plan_in(folder: Path, training: str = "", steps: int = 2) -> Plan:
    (folder / "plan.yaml").write_text(PLAN % (steps, training))
    return load_plan(folder / "plan.yaml")


def task(number: int, nodes: str, count: int, each: int) -> dict[str, str]:
    """Return Slurm's variables of a task."""
    return {
        "SLURM_JOB_ID": "4711", "SLURM_NTASKS": str(count * each), "SLURM_JOB_NUM_NODES": str(count),
        "SLURM_JOB_NODELIST": nodes, "SLURM_PROCID": str(number), "SLURM_LOCALID": str(number % each),
        "SLURM_NODEID": str(number // each),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "count", "each", "number", "expected"),
    [
        ("gpu7", 1, 4, 3, {"MASTER_ADDR": "gpu7", "RANK": "3", "LOCAL_RANK": "3", "WORLD_SIZE": "4"}),
        ("gpu[07-08]", 2, 8, 0, {"MASTER_ADDR": "gpu07", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "16"}),
        ("gpu[07-08]", 2, 8, 11, {"MASTER_ADDR": "gpu07", "RANK": "11", "LOCAL_RANK": "3", "WORLD_SIZE": "16"}),
    ],
)
def test_each_task_learns_from_slurm_which_rank_it_is(
    nodes: str, count: int, each: int, number: int, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known: dict[str, str] = {"SUBMITIT_EXECUTOR": "slurm", **task(number, nodes, count, each)}
    monkeypatch.setattr(os, "environ", known)
    name_task()
    assert expected.items() <= known.items()
    assert known["LOCAL_WORLD_SIZE"] == str(each)
    assert "CUDA_VISIBLE_DEVICES" not in known, "each task sees all GPUs of its node"
    port = known.pop("MASTER_PORT")
    assert int(port) in PORTS
    for name in ("RANK", "LOCAL_RANK"):
        known[name] = "other"
    name_task()
    assert known.pop("MASTER_PORT") == port, "the job's number decides, so that all tasks come to the same"
    known["SLURM_RESTART_COUNT"] = "1"
    name_task()
    assert known["MASTER_PORT"] != port, "the job may have been started again because this one was taken"
    known["MASTER_PORT"] = "29500"
    name_task()
    assert known["MASTER_PORT"] == "29500", "whoever sets it knows why"


def test_one_task_meets_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    ranks = join(1)
    assert (ranks.index, ranks.count) == (0, 1)
    assert os.environ == {}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            Request(gpus=4, tasks=4, cpus=8),
            ["--nodes=1", "--ntasks-per-node=4", "--gpus-per-node=4", "--cpus-per-task=8"],
        ),
        (
            Request(gpus=8, gpu_type="h100", tasks=8, nodes=2),
            ["--nodes=2", "--ntasks-per-node=8", "--gpus-per-node=h100:8", "--cpus-per-task=1"],
        ),
    ],
)
def test_a_job_asks_for_a_task_for_each_gpu(
    request_: Request, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text("#!/bin/sh\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", str(srun.parent), prepend=":")
    batch = Batch(name="n", comment="c", folder=tmp_path, code=Path("/shared/code"))
    text = script(make_executor("slurm", request_, batch), 2)
    assert {f"#SBATCH {option}" for option in expected} <= set(text.splitlines())
    (line,) = (line for line in text.splitlines() if line.startswith("srun"))
    assert "--kill-on-bad-exit=1" in line, "one rank that is gone takes the others with it"
    assert line.endswith(f"-u -m submitit.core._submit {tmp_path}")


@pytest.mark.parametrize(
    ("request_", "purpose", "server", "expected"),
    [
        (
            Request(gpus=4),
            "train",
            0,
            "got gpus: 4 and tasks: 1 on a node. Say tasks: 4 to train each cell with all of",
        ),
        (Request(gpus=2, tasks=4), "all", 0, "got gpus: 2 and tasks: 4 on a node. Say gpus: 4"),
        (Request(gpus=4, tasks=4), "all", 2, "vLLM's server has 2; got gpus: 4 and tasks: 4 on a node. Say gpus: 6"),
        (Request(gpus=8, tasks=4, nodes=2), "all", 4, "vLLM's server is on the first node alone; say nodes: 1"),
        (Request(tasks=2), "evaluate", 0, "tasks: a cell is evaluated by one process on one device"),
    ],
)
def test_what_tasks_cannot_use_is_refused_with_what_would_do(
    request_: Request, purpose: Any, server: int, expected: str
) -> None:
    (said,) = unusable(request_, purpose, server)
    assert expected in said


def test_what_fits_is_not_refused(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    for fine in (Request(), Request(tasks=2), Request(gpus=4, tasks=4), Request(nodes=2, tasks=2)):
        assert unlaunchable(plan, fine, "all") == []
    assert unusable(Request(gpus=6, tasks=4), "train", 2) == []
    assert unlaunchable(plan, Request(nodes=3), "all") == [
        "3 ranks can't share the 4 rollouts of an update evenly, each one or more of them; nodes x tasks may be 1, 2, 4"
    ]


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed here")
def test_vllm_must_be_there(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, ", vllm: {}")
    (said,) = unlaunchable(plan, Request(gpus=1), "all")
    assert said.startswith("training: vllm: vLLM isn't installed here: pip install")
    assert unlaunchable(plan, Request(gpus=1, python="/there/python"), "all") == [], "another Python may have it"
    split = plan_in(tmp_path, ", vllm: {gpus: 2}")
    (said,) = unlaunchable(split, Request(gpus=1, container="apptainer exec image"), "all")
    assert said == "training: vllm: gpus: 2 must divide the 1 ranks that train a cell (nodes x tasks)"


@pytest.mark.parametrize(
    ("cluster", "profile", "expected"),
    [
        ("debug", Profile(tasks=2), "the debug executor runs one process, got 2; use local or slurm"),
        ("local", Profile(nodes=2), "the local executor has one node, got 2; say nodes: 1, tasks: 2"),
    ],
)
def test_an_executor_says_what_it_cannot_give(
    cluster: Cluster, profile: Profile, expected: str, tmp_path: Path
) -> None:
    dispatcher = Dispatcher(run=RunPaths(tmp_path / "run"), cluster=cluster, profile=profile, limits=Limits())
    with pytest.raises(SlurmError, match=expected):
        dispatcher.needs(plan_in(tmp_path))


def test_a_cell_that_has_begun_keeps_its_ranks(tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path), RunPaths(tmp_path / "run")
    begun = run.cell(plan.cells[-1].id).identity
    begun.parent.mkdir(parents=True)
    begun.write_text('{"fingerprint": {"ranks": 2, "threads": 1}}')
    one = Dispatcher(run=run, cluster="local", profile=Profile(), limits=Limits())
    with pytest.raises(SlurmError, match=r"begun with another number of ranks .* than nodes x tasks = 1"):
        one.needs(plan)
    two = Dispatcher(run=run, cluster="local", profile=Profile(tasks=2), limits=Limits())
    assert [job.ranks for array in two.needs(plan).arrays for job in array.jobs] == [2, 2]


def test_two_nodes_train_one_cell_and_meet_elsewhere_if_their_port_is_taken(
    cluster: FaultyCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    plan, run = plan_in(tmp_path), RunPaths(tmp_path / "run")
    profile = Profile(time=20, memory=2.0, nodes=2, at_once=1)
    dispatcher = Dispatcher(run=run, cluster="slurm", profile=profile, limits=Limits())
    (place,) = (place for place, cell in enumerate(plan.cells) if cell.arm == "grpo")
    paths = run.cell(plan.cells[place].id)
    with socket.socket() as taken:
        cluster.open_partitions(False)
        try:
            sent = dispatcher.send(plan, lambda *_: None, lambda: None)
            taken.bind(("127.0.0.1", port_of(f"{sent.numbers[0]}_{place}", 0)))
        finally:
            cluster.open_partitions(True)
        cluster.wait_for("the cell", lambda: read_attempts(paths) and read_attempts(paths)[-1].outcome == "done", 400)
    first, last = read_attempts(paths)
    assert first.cause is not None
    assert first.cause["kind"] == "rank lost"
    assert first.cause["message"].startswith("rank 0 of 2 didn't meet the others at node")
    assert (last.job, last.restart) == (first.job, 1), "the same job, that Slurm has started again"
    assert sorted(path.name for path in paths.checkpoint(1).glob("rng_state_*")) == [
        "rng_state_0.pth",
        "rng_state_1.pth",
    ]
    assert [path.name for path in paths.records.glob("*.parquet")] == ["0001-sorting.parquet"]
    assert cluster.accounted(sent.numbers[0], "JobIDRaw", "NNodes")


def test_a_job_that_loses_a_task_goes_on_by_itself(
    cluster: FaultyCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    plan, run = plan_in(tmp_path, steps=60), RunPaths(tmp_path / "run")
    profile = Profile(time=20, memory=2.0, nodes=2, at_once=1)
    sent = Dispatcher(run=run, cluster="slurm", profile=profile, limits=Limits()).send(
        plan, lambda *_: None, lambda: None
    )
    paths = run.cell(next(cell.id for cell in plan.cells if cell.arm == "grpo"))
    cluster.wait_for("a few steps", lambda: len(read_lines(paths.train)) >= 3, seconds=400)
    (first,) = read_attempts(paths)
    nodes = cluster.command("scontrol", "show", "hostnames", cluster.job(str(first.job))["NodeList"]).split()
    cluster.kill_processes(nodes[1], "submitit.core._submit")
    cluster.wait_for("the cell", lambda: read_attempts(paths)[-1].outcome == "done", seconds=400)
    lost, last = read_attempts(paths)
    assert lost.cause == {"kind": "rank lost", "message": "another rank of this cell is gone and left no word"}
    assert (last.job, last.restart) == (lost.job, 1), "the same job, that Slurm has started again"
    assert sent.needs.jobs == 2
