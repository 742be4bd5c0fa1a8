"""What a probe looks at, and what is said when it doesn't come back."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from harness.fingerprint import CODE_FACTS
from harness.plan.resolve import load_plan
from harness.runner.prepare import prepare
from harness.store.paths import RunPaths
from slurm.arrays import Array
from slurm.code import CodeSnapshot, take_snapshot
from slurm.commands import SlurmError
from slurm.dispatch import NOTHING_QUEUED, Needs
from slurm.job import CellJob
from slurm.preflight import Preflight, Probed, places
from slurm.probe import Look, Probe, UnfitNodeError, look
from slurm.profile import Profile, Resources
from slurm.requests import Request
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.test_dispatch import PLAN


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    folder = tmp_path_factory.mktemp("preflight")
    (folder / "plan.yaml").write_text(PLAN)
    found = RunPaths(folder / "run")
    prepare(load_plan(folder / "plan.yaml"), found)
    return found


@pytest.fixture(scope="module")
def snapshot(run: RunPaths) -> CodeSnapshot:
    return take_snapshot(run)


def cells(run: RunPaths) -> tuple[str, ...]:
    return tuple(cell.id for cell in load_plan(run.plan).cells)


def probed(run: RunPaths, snapshot: CodeSnapshot, request: Request | None = None) -> Probed:
    return Preflight(run=run, plan_name="jobs", cluster="local").probe(request or Request(), snapshot, cells(run))


def test_a_node_that_is_fit(run: RunPaths, snapshot: CodeSnapshot) -> None:
    found = probed(run, snapshot)
    assert [one.what for one in found.looks] == ["code", "imports", "device", "plan and data", "shared folder"]
    assert found.unfit == ()
    assert abs(found.clock_s) < 1, "it is this machine's own clock"
    assert not list(run.probe("x").parent.iterdir())


def test_a_look_that_fails_hides_none_of_the_others(run: RunPaths, snapshot: CodeSnapshot) -> None:
    changed = snapshot.folder / "suites" / "planted.py"
    changed.write_text("")
    try:
        found = probed(run, snapshot, Request(gpus=1))
    finally:
        changed.unlink()
    said = {one.what: one.found for one in found.unfit}
    assert said.keys() == {"code", "device"}
    assert "somebody has changed it; move it away and queue again" in said["code"]
    assert "1 GPUs were asked for and torch" in said["device"]


def test_what_is_not_on_the_node_is_named(run: RunPaths, snapshot: CodeSnapshot, tmp_path: Path) -> None:
    name = "here"
    probe = Probe(
        run_root=str(run.root), name=name, code=str(tmp_path / "gone"), code_sha256="x", gpus=0, cells=("nobody",)
    )
    probe()
    import json

    found = {one["what"]: one for one in json.loads(run.probe(name).read_text())["looks"]}
    run.probe(name).unlink()
    assert "is the run's folder on a disk that this node shares?" in found["code"]["found"]
    assert "came from elsewhere than the snapshot" in found["imports"]["found"]
    assert "the plan here has no cell nobody" in found["plan and data"]["found"]
    assert found["shared folder"]["fine"]


def test_the_network_is_refused_while_data_is_read() -> None:
    from harness.data.verify import sockets_refused

    def fetch() -> str:
        with sockets_refused():
            socket.create_connection(("127.0.0.1", 9))
        return "fetched"

    found = look("data", fetch)
    assert not found.fine
    assert "a network was asked for, and none is allowed here" in found.found


def test_an_error_of_ours_is_said_as_it_is_and_others_with_their_kind() -> None:
    def ours() -> str:
        raise UnfitNodeError("no room")

    def theirs() -> str:
        raise KeyError("x")

    assert look("a", ours) == Look(what="a", fine=False, found="no room")
    assert look("b", theirs).found == "KeyError: 'x'"


def test_each_place_that_jobs_go_to_is_tried_once() -> None:
    job = CellJob(run_root="/r", cell_id="c", threads=1)
    gpu, cpu = Request(partition="gpu", gpus=1, time_min=600), Request(partition="cpu", time_min=60)
    found = [Array(stage="train", request=gpu, jobs=(job,)), Array(stage="evaluate", request=cpu, jobs=(job,))]
    needs = Needs(plan=None, arrays=(*found, found[0]), queued=NOTHING_QUEUED)  # type: ignore[arg-type]
    tried = places(needs, Profile())
    assert [(one.partition, one.gpus, one.time_min) for one in tried] == [("gpu", 1, 2), ("cpu", 0, 2)]
    own = places(needs, Profile(probe=Resources(partition="debug")))
    assert [one.partition for one in own] == ["debug"]


def test_a_probe_that_cannot_start_says_why(
    cluster: FaultyCluster, run: RunPaths, snapshot: CodeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    states: list[str] = []
    flight = Preflight(run=run, plan_name="jobs", cluster="slurm", patience_s=0.0, tell=states.append)
    request = Request(memory_gib=1.0, sbatch=(("begin", "now+1hour"),))
    with pytest.raises(SlurmError, match=r"hasn't started in 0 s: BeginTime; nothing was sent") as caught:
        flight.probe(request, snapshot, cells(run))
    number = str(caught.value).split("job ")[1].split(")")[0]
    assert cluster.state(number) == "CANCELLED", "it is not left behind"


def test_the_clock_of_a_node_is_compared(
    cluster: FaultyCluster, run: RunPaths, snapshot: CodeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2])]))
    cluster.set_clock("node2", -3600)
    try:
        flight = Preflight(run=run, plan_name="jobs", cluster="slurm")
        found = flight.probe(Request(memory_gib=1.0, sbatch=(("nodelist", "node2"),)), snapshot, cells(run))
    finally:
        cluster.set_clock("node2", 0)
    assert found.host == "node2"
    assert found.unfit == ()
    assert -3700 < found.clock_s < -3500
    assert (snapshot.folder / CODE_FACTS).exists()
