"""What a cluster is: its partitions, nodes and limits, as Slurm says.

Read from the plain output of `scontrol`: the one that every version has. JSON has changed with almost each of them.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from slurm.commands import SlurmError, ask

RECORD = re.compile(r"(?:^|\s)([A-Za-z][\w/:]*)=(.*?)(?=\s+[A-Za-z][\w/:]*=|$)")
"""`Key=value` pairs of `scontrol --oneliner`; a value may hold spaces."""
NOTHING = {"", "(null)", "N/A", "NONE", "none", "ALL", "UNLIMITED", "n/a"}
DOWN = ("DOWN", "FAIL", "NOT_RESPONDING", "POWERED_DOWN", "INVAL", "UNKNOWN", "FUTURE")


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A machine."""

    name: str
    cpus: int
    memory_mib: int
    gpus: dict[str, int]
    """By type; of unknown type under an empty name."""
    features: frozenset[str]
    partitions: frozenset[str]
    state: str

    @property
    def up(self) -> bool:
        """Whether jobs may start there sooner or later without somebody's help."""
        flags = re.split(r"[+*]", self.state)
        return not any(flag.startswith(DOWN) for flag in flags) and "DRAIN" not in flags and "*" not in self.state

    def gpu_count(self, kind: str | None = None) -> int:
        """Return its GPUs, of one type or of all."""
        return sum(count for name, count in self.gpus.items() if kind is None or name == kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class Partition:
    """A queue."""

    name: str
    default: bool
    state: str
    max_time_min: int | None
    """None: no limit."""
    max_nodes: int | None
    max_cpus_per_node: int | None
    max_memory_per_node_mib: int | None
    grace_s: int
    preempt_mode: str
    priority_tier: int
    accounts: tuple[str, ...]
    """Those that may use it; all if empty."""
    qos: tuple[str, ...]


class Accounts(NamedTuple):
    """What the accounting database lets this user do."""

    accounts: tuple[str, ...]
    qos: tuple[str, ...]
    max_submitted: int | None
    """Jobs that this user may have queued, array tasks counted one by one."""
    of_qos: Mapping[str, int] = MappingProxyType({})
    """The same by quality of service, where that limits it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """All of it."""

    name: str
    version: str
    settings: dict[str, str]
    """As `scontrol show config` prints them."""
    partitions: tuple[Partition, ...]
    nodes: tuple[Node, ...]
    accounts: Accounts | None
    """None where accounting is off or can't be asked."""
    no_accounts: str
    """Why."""

    @property
    def max_array_size(self) -> int:
        """Jobs of one array, at most."""
        return int(self.settings.get("MaxArraySize", 1001))

    @property
    def max_jobs(self) -> int:
        """Jobs that the controller keeps, of all users."""
        return int(self.settings.get("MaxJobCount", 10_000))

    @property
    def parameters(self) -> frozenset[str]:
        """What `SlurmctldParameters` switches on."""
        return frozenset(self.settings.get("SlurmctldParameters", "").split(","))

    @property
    def default_partition(self) -> Partition | None:
        """Where jobs go that don't say."""
        return next((partition for partition in self.partitions if partition.default), None)

    def partition(self, name: str | None) -> Partition | None:
        """Return a partition by name, the default one without a name; None if there is none."""
        if name is None:
            return self.default_partition
        return next((partition for partition in self.partitions if partition.name == name), None)

    def nodes_of(self, partition: str) -> list[Node]:
        """Return the machines of a partition, those that are down among them."""
        return [node for node in self.nodes if partition in node.partitions]


def read_cluster() -> Cluster:
    """Ask Slurm what this cluster is.

    Raises:
        SlurmError: If it can't be asked.
    """
    settings = parsed_settings(ask("scontrol", "show", "config"))
    accounts, why = _accounts(settings)
    return Cluster(
        name=settings.get("ClusterName", ""),
        version=settings.get("SLURM_VERSION", ""),
        settings=settings,
        partitions=parsed_partitions(ask("scontrol", "--oneliner", "show", "partition")),
        nodes=parsed_nodes(ask("scontrol", "--oneliner", "show", "node")),
        accounts=accounts,
        no_accounts=why,
    )


def parsed_settings(text: str) -> dict[str, str]:
    """Return the settings in what `scontrol show config` printed; what isn't set is left out."""
    pairs = [line.partition("=") for line in text.splitlines() if "=" in line]
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip() not in ("(null)", "N/A", "")}


def parsed_partitions(text: str) -> tuple[Partition, ...]:
    """Return the partitions in what `scontrol --oneliner show partition` printed."""
    return tuple(_partition(record) for record in _records(text, "PartitionName"))


def parsed_nodes(text: str) -> tuple[Node, ...]:
    """Return the nodes in what `scontrol --oneliner show node` printed."""
    return tuple(_node(record) for record in _records(text, "NodeName"))


def parsed_time(text: str) -> int | None:
    """Return a time limit of Slurm ([days-]hours:minutes:seconds) in whole minutes; None without a limit."""
    if text in NOTHING or text == "INFINITE":
        return None
    days, _, clock = text.rpartition("-")
    hours, minutes, _ = (int(part) for part in clock.split(":"))
    return int(days or 0) * 1440 + hours * 60 + minutes


def parsed_gpus(gres: str) -> dict[str, int]:
    """Return the GPUs in a node's generic resources, such as `gpu:a100:4(S:0-1),nvme:1`, by type."""
    found: dict[str, int] = {}
    for part in re.split(r",(?![^(]*\))", gres):
        if match := re.match(r"gpu(?::([A-Za-z_][\w.-]*))?(?::(\d+))?(?:\(|$)", part):
            found[match[1] or ""] = found.get(match[1] or "", 0) + int(match[2] or 1)
    return found


def _records(text: str, key: str) -> list[dict[str, str]]:
    lines = [dict(RECORD.findall(line.strip())) for line in text.splitlines() if line.startswith(f"{key}=")]
    return [line for line in lines if line.get(key)]


def _partition(record: dict[str, str]) -> Partition:
    return Partition(
        name=record["PartitionName"],
        default=record.get("Default") == "YES",
        state=record.get("State", "UP"),
        max_time_min=parsed_time(record.get("MaxTime", "UNLIMITED")),
        max_nodes=_number(record.get("MaxNodes")),
        max_cpus_per_node=_number(record.get("MaxCPUsPerNode")),
        max_memory_per_node_mib=_number(record.get("MaxMemPerNode")),
        grace_s=_number(record.get("GraceTime")) or 0,
        preempt_mode=record.get("PreemptMode", "OFF"),
        priority_tier=_number(record.get("PriorityTier")) or 0,
        accounts=_names(record.get("AllowAccounts", "ALL")),
        qos=_names(record.get("AllowQos", "ALL")),
    )


def _node(record: dict[str, str]) -> Node:
    return Node(
        name=record["NodeName"],
        cpus=int(record.get("CPUEfctv") or record["CPUTot"]),
        memory_mib=int(record.get("RealMemory", 0)),
        gpus=parsed_gpus(record.get("Gres", "")),
        features=frozenset(_names(record.get("AvailableFeatures", ""))),
        partitions=frozenset(_names(record.get("Partitions", ""))),
        state=record.get("State", "UNKNOWN"),
    )


def _number(text: str | None) -> int | None:
    return None if text is None or text in NOTHING else int(text)


def _names(text: str) -> tuple[str, ...]:
    return () if text in NOTHING else tuple(text.split(","))


def _accounts(settings: dict[str, str]) -> tuple[Accounts | None, str]:
    """Return what the database says of this user; None, and why, where there is none to ask."""
    kind = settings.get("AccountingStorageType", "")
    if "slurmdbd" not in kind:
        return None, f"AccountingStorageType is {kind or 'not set'}"
    user = getpass.getuser()
    try:
        own = ask("sacctmgr", "-nP", "show", "assoc", f"user={user}", "format=account,qos,maxsubmit")
        everywhere = ask("sacctmgr", "-nP", "show", "account", "format=account").split()
        services = ask("sacctmgr", "-nP", "show", "qos", "format=name,maxsubmitjobsperuser")
    except SlurmError as error:
        return None, str(error)
    rows = [line.split("|") for line in own.splitlines() if line]
    limits = [int(row[2]) for row in rows if row[2]]
    accounts = sorted({row[0] for row in rows if row[0]}) or everywhere
    of_qos = dict(line.split("|")[:2] for line in services.splitlines() if line)
    allowed = sorted({name for row in rows for name in row[1].split(",") if name}) or list(of_qos)
    caps = {name: int(limit) for name, limit in of_qos.items() if limit}
    return Accounts(tuple(accounts), tuple(allowed), min(limits, default=None), caps), ""
