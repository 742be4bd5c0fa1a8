"""The cluster of the tests: it is real, and so is what goes wrong on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.slurm.cluster.cluster import CommandError
from tests.slurm.cluster.configuration import GRACE_S, MAX_ARRAY_SIZE
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.cluster.waiting import NeverHappenedError

TRAPS = "trap 'echo told' USR2; echo started on $(hostname); while :; do sleep 0.2; done"
"""A job that says when it is told that it must go, and goes on."""
STEADY = ("--partition=main", "--signal=B:USR2@1")


def jobs(cluster: FaultyCluster) -> set[str]:
    return set(cluster.command("squeue", "--noheader", "--format=%A").split())


@pytest.fixture(autouse=True)
def _tidy(cluster: FaultyCluster) -> Iterator[None]:
    before = jobs(cluster)
    yield
    if left := jobs(cluster) - before:
        cluster.command("scancel", *left)
    cluster.wait_for("its jobs to end", lambda: jobs(cluster) <= before)


def running(cluster: FaultyCluster, *options: str) -> str:
    """Return a job that has begun to print, on a node that lives."""
    living = [f"--exclude={','.join(cluster.dead)}"] if cluster.dead else []
    return begun(cluster, cluster.submit(TRAPS, *living, *options))


def begun(cluster: FaultyCluster, job: str) -> str:
    """Wait until a job has begun to print."""
    cluster.wait_for(f"job {job} to start", lambda: "started" in cluster.output(job))
    return job


def starts(cluster: FaultyCluster, job: str) -> int:
    return cluster.output(job).count("started")


def restarted(cluster: FaultyCluster, job: str) -> dict[str, str]:
    """Wait until a job runs for the second time, and return what Slurm says of it."""
    cluster.wait_for(f"job {job} to start again", lambda: cluster.job(job)["Restarts"] == "1" and starts(cluster, job))
    cluster.wait_for_state(job, "RUNNING")
    return cluster.job(job)


def test_a_step_runs_on_every_node(cluster: FaultyCluster) -> None:
    nodes = str(len(cluster.nodes))
    names = cluster.command("srun", "--nodes", nodes, "--ntasks-per-node=1", "hostname").split()
    assert sorted(names) == sorted(cluster.nodes)


def test_a_job_starts_steps_on_other_nodes_that_reach_each_other_by_name(cluster: FaultyCluster) -> None:
    job = cluster.submit("srun --ntasks=2 getent hosts node1 node2", "--nodes=2", "--ntasks=2")
    cluster.wait_for_state(job, "COMPLETED")
    assert sorted(set(cluster.output(job).split())) == ["127.0.0.1", "node1", "node2"]


def test_an_array_runs_and_is_accounted(cluster: FaultyCluster) -> None:
    job = cluster.submit("echo task $SLURM_ARRAY_TASK_ID", "--array=0-19%8", f"--output={cluster.shared}/array-%a.out")
    rows = cluster.wait_for(
        "the array to be accounted",
        lambda: (
            found
            if len(found := [row for row in cluster.accounted(job, "JobID", "State") if "." not in row[0]]) == 20
            and {row[1] for row in found} == {"COMPLETED"}
            else []
        ),
    )
    assert {row[0] for row in rows} == {f"{job}_{task}" for task in range(20)}
    assert [(cluster.shared / f"array-{task}.out").read_text() for task in range(20)] == [
        f"task {task}\n" for task in range(20)
    ]


def test_what_is_too_much_is_refused(cluster: FaultyCluster) -> None:
    for options, said in (
        (("--partition=nowhere",), "invalid partition"),
        (("--account=nobody",), "Invalid account"),
        (("--qos=best",), "Invalid qos"),
        ((f"--array=0-{MAX_ARRAY_SIZE}",), "Invalid job array"),
    ):
        with pytest.raises(CommandError, match=said):
            cluster.submit("true", *options)


def test_what_can_never_run_waits_and_says_why(cluster: FaultyCluster) -> None:
    for option, reason in (("--time=120", "PartitionTimeLimit"), ("--cpus-per-task=64", "PartitionConfig")):
        job = cluster.submit("true", "--partition=high", option)
        cluster.wait_for("the reason", lambda job=job, reason=reason: cluster.job(job)["Reason"] == reason)  # type: ignore[misc]


def test_a_dead_node_takes_its_jobs_with_it_and_they_run_elsewhere(cluster: FaultyCluster) -> None:
    job = running(cluster, *STEADY, "--open-mode=append")
    node = cluster.job(job)["NodeList"]
    other = running(cluster, *STEADY, "--open-mode=append", f"--nodelist={node}")
    cluster.kill_node(node)
    assert cluster.dead == (node,)
    try:
        cluster.notice(node)
        assert restarted(cluster, job)["NodeList"] != node
        cluster.wait_for("its second start", lambda: starts(cluster, job) == 2)
    finally:
        cluster.start_node(node)
    assert cluster.state(job) == "RUNNING"
    assert restarted(cluster, other)["NodeList"] == node
    cluster.wait_for("its second start", lambda: starts(cluster, other) == 2)


class Slow(NamedTuple):
    """Jobs whose faults take half a minute, so that they are brought about together."""

    on_a_dead_node: str
    over_its_time: str
    preempted: str


@pytest.fixture(scope="module")
def slow(cluster: FaultyCluster) -> Slow:
    told = ("--signal=B:USR2@1", "--open-mode=append")
    found = Slow(
        cluster.submit(TRAPS, *told, "--exclude=node2,node3"),
        cluster.submit(TRAPS, *told, "--nodelist=node2"),
        cluster.submit(TRAPS, *told, "--nodelist=node3", "--partition=low"),
    )
    for job in found:
        begun(cluster, job)
    cluster.kill_node(cluster.job(found.on_a_dead_node)["NodeList"])
    cluster.end_in(found.over_its_time, 1)
    cluster.command("scontrol", "update", "PartitionName=low", "GraceTime=3")
    cluster.preempt(found.preempted)
    cluster.command("scontrol", "update", "PartitionName=low", f"GraceTime={GRACE_S}")
    return found


def test_a_job_that_is_preempted_with_grace_is_told_and_runs_again(cluster: FaultyCluster, slow: Slow) -> None:
    assert "told" in cluster.output(slow.preempted)
    restarted(cluster, slow.preempted)
    cluster.scancel(slow.preempted)


def test_a_job_that_is_preempted_without_grace_is_not_told(cluster: FaultyCluster) -> None:
    job = running(cluster, "--partition=abrupt", "--signal=B:USR2@1", "--open-mode=append")
    cluster.preempt(job)
    restarted(cluster, job)
    cluster.wait_for("its second start", lambda: starts(cluster, job) == 2)
    assert "told" not in cluster.output(job)


def test_what_cannot_be_preempted_is_refused(cluster: FaultyCluster) -> None:
    with pytest.raises(ValueError, match="only a running job of low or abrupt"):
        cluster.preempt(running(cluster, *STEADY))


def test_a_job_that_is_requeued_runs_again_untold(cluster: FaultyCluster) -> None:
    job = running(cluster, *STEADY, "--open-mode=append")
    cluster.requeue(job)
    restarted(cluster, job)
    assert "told" not in cluster.output(job)


def test_a_cancelled_job_ends(cluster: FaultyCluster) -> None:
    job = running(cluster, *STEADY)
    cluster.scancel(job)
    cluster.wait_for_state(job, "CANCELLED")


def test_a_job_over_its_time_is_ended(cluster: FaultyCluster, slow: Slow) -> None:
    cluster.wait_for_state(slow.over_its_time, "TIMEOUT")
    assert starts(cluster, slow.over_its_time) == 1


def test_the_controller_sees_by_itself_that_a_node_is_dead(cluster: FaultyCluster, slow: Slow) -> None:
    dead = cluster.wait_for(
        "a node to be down", lambda: [node for node, state in cluster.node_states().items() if state.startswith("down")]
    )
    assert restarted(cluster, slow.on_a_dead_node)["NodeList"] not in dead
    assert len(dead) == 1
    cluster.start_node(dead[0])
    cluster.command("scancel", *slow)


def test_a_job_outlives_its_slurmd_and_the_controller(cluster: FaultyCluster) -> None:
    job = running(cluster, *STEADY)
    node = cluster.job(job)["NodeList"]
    cluster.kill_slurmd(node)
    assert not any("slurmd -N" in line for line in cluster.processes(node))
    cluster.start_slurmd(node)
    cluster.kill_controller()
    assert "slurmctld" not in cluster.processes()
    cluster.start_controller()
    assert cluster.job(job)["Restarts"] == "0"
    assert starts(cluster, job) == 1
    cluster.scancel(job)
    cluster.wait_for_state(job, "CANCELLED")


def test_jobs_run_while_accounting_is_down_and_are_accounted_when_it_is_back(cluster: FaultyCluster) -> None:
    cluster.stop_accounting()
    try:
        job = cluster.submit("true")
        cluster.wait_for_state(job, "COMPLETED")
        with pytest.raises(CommandError, match=r"Unable to connect|Connection refused|Problem talking"):
            cluster.accounted(job, "State")
    finally:
        cluster.start_accounting()
    cluster.wait_for("the job to be accounted", lambda: ["COMPLETED"] in cluster.accounted(job, "State"))


def test_a_job_over_its_memory_is_killed(cluster: FaultyCluster) -> None:
    hog = "python3 -c 'import time; x = bytearray(300 << 20); time.sleep(60)'"
    job = cluster.submit(hog, "--mem=100", "--no-requeue")
    assert cluster.wait_for_state(job, "FAILED", "OUT_OF_MEMORY", "CANCELLED")
    assert "memory" in cluster.output(job)


def test_a_small_disk_is_full_on_the_node_too(cluster: FaultyCluster) -> None:
    with cluster.small_disk(cluster.shared / "cell", megabytes=2) as disk:
        job = cluster.submit(f"head -c 8M /dev/zero >{disk}/big")
        cluster.wait_for_state(job, "FAILED")
        assert "No space left on device" in cluster.output(job)
        assert (disk / "big").stat().st_size <= 2 << 20
    assert list((cluster.shared / "cell").iterdir()) == []
    with pytest.raises(ValueError, match="mounted below"), cluster.small_disk(cluster.shared.parent / "elsewhere"):
        pass


def test_a_disk_that_is_read_only_is_so_for_root(cluster: FaultyCluster) -> None:
    with cluster.small_disk(cluster.shared / "sealed", read_only=True) as disk:
        job = cluster.submit(f"touch {disk}/x")
        cluster.wait_for_state(job, "FAILED")
        assert "Read-only file system" in cluster.output(job)


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_node_whose_clock_is_wrong_runs_jobs_that_see_it(cluster: FaultyCluster, seconds: int) -> None:
    cluster.set_clock("node2", seconds)
    try:
        job = cluster.submit("date +%s", "--nodelist=node2")
        other = cluster.submit("date +%s", "--nodelist=node3")
        for one in (job, other):
            cluster.wait_for_state(one, "COMPLETED")
    finally:
        cluster.set_clock("node2", 0)
    assert abs(int(cluster.output(job)) - time.time() - seconds) < 600
    assert abs(int(cluster.output(other)) - time.time()) < 600


def test_waiting_in_vain_says_how_things_stand(cluster: FaultyCluster) -> None:
    job = running(cluster, *STEADY)
    with pytest.raises(NeverHappenedError, match="in vain") as caught:
        cluster.wait_for("a miracle", lambda: False, seconds=0)
    assert "squeue --long" in str(caught.value)
    assert job in str(caught.value)
