"""What the doctor says of clusters that are set up in one way or another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.runner.machine import Finding, folder
from harness.runner.machine import examine as examine_machine
from slurm import doctor
from slurm.cluster import Accounts, Cluster, Partition
from slurm.commands import SlurmError
from slurm.doctor import disk, examine
from slurm.profile import Profile, Resources


@pytest.fixture(autouse=True)
def _no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*command: str, errors: bool = False) -> str:
        if command[0] == "sacct":
            return ""
        raise SlurmError(f"{command[0]} isn't here")

    monkeypatch.setattr(doctor, "ask", ask)
    monkeypatch.setattr(doctor, "_tried", lambda request: "nothing")


@pytest.fixture
def captured(captured: Cluster) -> Cluster:
    return replace(captured, accounts=Accounts(("lab",), ("normal",), None), no_accounts="")


def said(cluster: Cluster, what: str, profile: Profile | None = None) -> Finding:
    return next(one for one in examine(cluster, profile or Profile(), ("train",)) if one.what == what)


def changed(cluster: Cluster, partition: str, **changes: object) -> Cluster:
    def one(found: Partition) -> Partition:
        return replace(found, **changes) if found.name == partition else found  # type: ignore[arg-type]

    return replace(cluster, partitions=tuple(one(found) for found in cluster.partitions))


def configured(cluster: Cluster, **settings: str) -> Cluster:
    return replace(cluster, settings={**cluster.settings, **settings})


def test_jobs_that_are_told_in_time_checkpoint(captured: Cluster) -> None:
    found = said(captured, "preemption in main")
    assert (found.level, found.found) == ("ok", "its jobs are told 10 s before, and save at their next step")


def test_without_grace_a_long_step_is_lost(captured: Cluster) -> None:
    found = said(changed(captured, "main", grace_s=0), "preemption in main")
    assert found.level == "caution"
    assert "killed 5 sec after the first notice (GraceTime is 0), mode REQUEUE" in found.found
    assert "if a step takes longer, only what was sealed is kept" in found.found


def test_without_the_users_signal_jobs_hear_the_other(captured: Cluster) -> None:
    found = said(configured(captured, SlurmctldParameters="idle_on_node_suspend"), "preemption in main")
    assert (found.level, found.found) == ("ok", "its jobs are sent TERM 10 s before, and save at their next step")


@pytest.mark.parametrize(
    ("cluster_changes", "partition"),
    [
        ({}, "high"),
        ({"PreemptType": "preempt/none"}, "main"),
        ({"PreemptType": "preempt/qos", "PreemptMode": "OFF"}, "main"),
    ],
)
def test_jobs_that_nobody_pushes_out(captured: Cluster, cluster_changes: dict[str, str], partition: str) -> None:
    found = said(configured(captured, **cluster_changes), f"preemption in {partition}", Profile(partition=partition))
    assert (found.level, found.found[:5]) == ("ok", "none:")


def test_cancelled_is_not_requeued(captured: Cluster) -> None:
    found = said(changed(captured, "main", preempt_mode="CANCEL"), "preemption in main")
    assert found.level == "caution"
    assert "the mode is CANCEL, so queue the plan again afterwards" in found.found


def test_accounting_that_is_off_costs_only_the_accounting(captured: Cluster) -> None:
    off = replace(captured, accounts=None, no_accounts="AccountingStorageType is accounting_storage/none")
    found = said(off, "accounting")
    assert found.level == "caution"
    assert "`explorebench account` finds nothing, all else works" in found.found
    blind = configured(captured, JobAcctGatherType="jobacct_gather/none")
    assert "memory and CPU time stay unknown" in said(blind, "accounting").found


def test_exit_codes_that_the_cluster_requeues_are_told(captured: Cluster) -> None:
    assert said(captured, "requeue").level == "ok"
    assert "jobs that end with 137 are requeued" in said(configured(captured, RequeueExit="137"), "requeue").found


def test_what_no_job_could_use_is_a_problem(captured: Cluster) -> None:
    found = said(captured, "train jobs", Profile(train=Resources(gpus=4)))
    assert found.level == "problem"
    assert "each task trains on one GPU of its own; got gpus: 4 and tasks: 1 on a node" in found.found


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert folder(tmp_path / "new" / "runs").level in ("ok", "caution"), "it may be made"
    found = folder(tmp_path / "file")
    assert found.level == "problem"
    assert "can't be written: Not a directory; choose another --runs" in found.found


def test_a_disk_that_nodes_hardly_share_is_told() -> None:
    assert [one.level for one in disk(Path("/tmp/runs"))] == ["caution"]


def test_this_machine_can_run_what_it_tests(tmp_path: Path) -> None:
    found = {one.what: one for one in examine_machine(tmp_path)}
    assert found.keys() == {"python", "packages", "code", "machine", "device", "runs"}
    assert found["packages"].level == "ok"


def test_a_profile_to_start_from_is_written_and_read(tmp_path: Path) -> None:
    from slurm.profile import load_profile

    path = tmp_path / "cluster.yaml"
    assert CliRunner().invoke(main, ["doctor", "--write", str(path)]).exit_code == 0
    assert load_profile(path).request("train").time_min == 240
    again = CliRunner().invoke(main, ["doctor", "--write", str(path)])
    assert again.exit_code == 2
    assert "is there already" in again.output
