"""What `scontrol` printed on a real cluster (22.05), and what becomes of it; and on one with GPUs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slurm.cluster import (
    Accounts,
    Cluster,
    parsed_gpus,
    parsed_nodes,
    parsed_partitions,
    parsed_time,
    read_cluster,
)
from slurm.fit import misfits, span
from slurm.limits import limits_of
from slurm.requests import Request
from tests.slurm.cluster.faults import FaultyCluster

GPU_PARTITIONS = """\
PartitionName=short AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL Default=YES QoS=N/A DefaultTime=01:00:00 \
GraceTime=0 MaxNodes=2 MaxTime=04:00:00 MinNodes=1 MaxCPUsPerNode=UNLIMITED Nodes=cpu[1-2] PriorityTier=1 \
OverSubscribe=NO PreemptMode=OFF State=UP TotalCPUs=128 TotalNodes=2 DefMemPerCPU=2000 MaxMemPerNode=UNLIMITED
PartitionName=gpu AllowGroups=ALL AllowAccounts=vision,lang AllowQos=ALL Default=NO QoS=N/A DefaultTime=NONE \
GraceTime=120 MaxNodes=UNLIMITED MaxTime=2-00:00:00 MinNodes=1 MaxCPUsPerNode=48 Nodes=gpu[1-2] PriorityTier=5 \
OverSubscribe=NO PreemptMode=REQUEUE State=UP TotalCPUs=128 TotalNodes=2 DefMemPerNode=UNLIMITED MaxMemPerNode=500000
PartitionName=old AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL Default=NO MaxTime=UNLIMITED Nodes=cpu2 State=DRAIN \
PreemptMode=OFF MaxNodes=UNLIMITED MaxCPUsPerNode=UNLIMITED MaxMemPerNode=UNLIMITED
"""
GPU_NODES = """\
NodeName=cpu1 Arch=x86_64 CoresPerSocket=32 CPUAlloc=3 CPUEfctv=64 CPUTot=64 AvailableFeatures=skylake Gres=(null) \
OS=Linux 5.14.0 #1 SMP PREEMPT_DYNAMIC Thu RealMemory=190000 State=MIXED Partitions=short
NodeName=cpu2 Arch=x86_64 CPUEfctv=64 CPUTot=64 AvailableFeatures=skylake,nvme Gres=(null) RealMemory=380000 \
State=DOWN+DRAIN Partitions=short,old Reason=bad DIMM a=b [root@2025-01-01T00:00:00]
NodeName=gpu1 Arch=x86_64 CPUEfctv=62 CPUTot=64 AvailableFeatures=a100,nvme Gres=gpu:a100:4(S:0-1),nvme:1 \
RealMemory=1000000 State=IDLE Partitions=gpu
NodeName=gpu2 Arch=x86_64 CPUTot=64 AvailableFeatures=h100 Gres=gpu:h100:8(S:0-1) RealMemory=300000 \
State=IDLE+PLANNED Partitions=gpu
"""
ACCOUNTS = Accounts(("lang",), ("normal", "urgent"), 500, {"urgent": 20})


@pytest.fixture
def gpus(captured: Cluster) -> Cluster:
    partitions, nodes = parsed_partitions(GPU_PARTITIONS), parsed_nodes(GPU_NODES)
    return replace(captured, partitions=partitions, nodes=nodes, accounts=ACCOUNTS)


def test_a_real_cluster_is_read(captured: Cluster) -> None:
    assert (captured.max_array_size, captured.max_jobs) == (10001, 20000)
    assert "preempt_send_user_signal" in captured.parameters
    assert [partition.name for partition in captured.partitions] == ["main", "low", "high"]
    main = captured.partition(None)
    assert main is not None
    assert (main.name, main.max_time_min, main.grace_s, main.preempt_mode) == ("main", None, 10, "REQUEUE")
    assert [(node.cpus, node.memory_mib, node.up) for node in captured.nodes] == [(4, 5434, True)] * 4
    assert misfits(Request(), captured) == []


def test_a_cluster_with_gpus_is_read(gpus: Cluster) -> None:
    cpu1, cpu2, gpu1, gpu2 = gpus.nodes
    assert (gpu1.gpus, gpu2.gpus, cpu1.gpus) == ({"a100": 4}, {"h100": 8}, {})
    assert (gpu1.cpus, gpu2.cpus) == (62, 64), "cores that jobs may have, where they are told apart"
    assert cpu2.features == {"skylake", "nvme"}
    assert [node.up for node in gpus.nodes] == [True, False, True, True]
    short, gpu, old = gpus.partitions
    assert (short.max_time_min, gpu.max_time_min, old.max_time_min) == (240, 2880, None)
    assert gpu.accounts == ("vision", "lang")
    assert [limits_of(gpus, names).user for names in ((), (None,), ("normal",), ("urgent",))] == [500, 500, 500, 20]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu:a100:4(S:0-1),nvme:1", {"a100": 4}),
        ("gpu:2", {"": 2}),
        ("gpu", {"": 1}),
        ("gpu:tesla_v100-sxm2:2,gpu:k80:1", {"tesla_v100-sxm2": 2, "k80": 1}),
        ("gpu:a100:2(IDX:0,1)", {"a100": 2}),
        ("(null)", {}),
        ("fpga:1", {}),
    ],
)
def test_generic_resources_are_read(text: str, expected: dict[str, int]) -> None:
    assert parsed_gpus(text) == expected


def test_time_limits_are_read() -> None:
    assert [parsed_time(text) for text in ("2-12:30:00", "00:45:00", "UNLIMITED")] == [3630, 45, None]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Request(partition="gpus"), "no partition 'gpus' for you on this cluster. Did you mean 'gpu'?"),
        (Request(account="lagn"), "no account 'lagn' for you on this cluster. Did you mean 'lang'? Known: lang"),
        (Request(qos="normall"), "no qos 'normall' for you on this cluster. Did you mean 'normal'?"),
        (Request(partition="old"), "partition old is DRAIN: it starts no jobs"),
        (Request(time_min=300), "time: 300 min is more than partition short allows, 240 min; time: 240min fits"),
        (Request(nodes=3), "nodes: partition short gives a job 2 at most; got 3"),
        (Request(cpus=65), "cpus: 65 a node is more than any node of partition short has; at most 64"),
        (Request(cpus=49, partition="gpu"), "more than any node of partition gpu has; at most 48"),
        (Request(memory_gib=400), "memory: 400 GiB is more than any node of partition short has; at most memory: 371G"),
        (Request(memory_gib=600, partition="gpu"), "at most memory: 488G"),
        (Request(gpus=1), "gpus: 1 a node is more than any node of partition short has; at most 0"),
        (Request(gpus=9, partition="gpu"), "at most 8 (types: a100, h100)"),
        (Request(gpus=5, gpu_type="a100", partition="gpu"), "gpus: 5 of type a100 a node is more than any"),
        (Request(constraint="a100", partition="short"), "no node of partition short has a100; their features: nvme, "),
        (Request(gpus=8, memory_gib=400, partition="gpu"), "none of the 2 nodes of partition gpu can give all of it"),
        (Request(memory_gib=300), "is out of service (DOWN+DRAIN)"),
        (Request(account="lang", partition="short,gpux"), "no partition 'gpux'"),
    ],
)
def test_what_would_never_start_is_said_with_what_would(request_: Request, expected: str, gpus: Cluster) -> None:
    assert any(expected in problem for problem in misfits(request_, gpus)), misfits(request_, gpus)


@pytest.mark.parametrize(
    "request_",
    [
        Request(cpus=64, time_min=240, account="lang", qos="urgent"),
        Request(partition="gpu", gpus=4, gpu_type="a100", cpus=12, tasks=4, constraint="a100&nvme", time_min=2880),
        Request(partition="gpu", gpus=1, nodes=2, constraint="a100|h100"),
        Request(partition="gpu", constraint="!h100"),
        Request(partition="short,gpu", gpus=1),
    ],
)
def test_what_fits_is_not_complained_of(request_: Request, gpus: Cluster) -> None:
    assert misfits(request_, gpus) == []


def test_without_a_default_partition_one_is_asked_for(gpus: Cluster) -> None:
    without = replace(gpus, partitions=gpus.partitions[1:])
    assert misfits(Request(), without) == ["no partition is given, and the cluster has no default one; known: gpu, old"]


def test_what_nodes_have_is_said_in_few_words(gpus: Cluster) -> None:
    assert span(gpus.nodes_of("gpu")) == "up to 64 cores, 976 GiB, 8 GPUs (a100, h100)"
    assert span([]) == "no nodes"


def test_room_is_counted_in_cells(gpus: Cluster) -> None:
    limits = limits_of(gpus)
    assert (limits.room(100, 1), limits.room(101, 2), limits.room(600, 1)) == (400, 199, 0)
    assert list(limits.hit(450, 100)) == [
        "MaxSubmitJobs 500 for you, 100 are queued: the rest when these are over",
    ]
    assert next(limits.hit(10_002, 0)).startswith("MaxArraySize 10,001")


def test_the_cluster_of_the_tests_is_read(cluster: FaultyCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    found = read_cluster()
    assert {"main", "low", "abrupt", "high"} <= {partition.name for partition in found.partitions}
    assert [node.name for node in found.nodes] == list(cluster.nodes)
    assert found.accounts is not None
    assert "explore" in found.accounts.accounts
    assert limits_of(found, ["tight"]).user == 10
    assert misfits(Request(memory_gib=1), found) == []
    assert misfits(Request(account="explor"), found)
