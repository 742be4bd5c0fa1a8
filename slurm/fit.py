"""Whether a request fits a cluster, said before anything is sent, with what would fit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from slurm.cluster import Cluster, Node, Partition
from slurm.requests import Purpose, Request

MIB_PER_GIB = 1024


def misfits(request: Request, cluster: Cluster) -> list[str]:
    """Return why jobs with a request would never start on a cluster; nothing if some node can take them."""
    problems = list(_unknown_names(request, cluster))
    names = request.partition.split(",") if request.partition else [None]
    found = [partition for name in names if (partition := cluster.partition(name)) is not None]
    if not found and request.partition is None:
        known = _listed(partition.name for partition in cluster.partitions)
        problems.append(f"no partition is given, and the cluster has no default one; known: {known}")
    each = [list(_misfits_of(request, partition, cluster)) for partition in found]
    if all(each):  # Slurm takes the first of several partitions that is free
        problems += [problem for theirs in each for problem in theirs]
    return problems


def _misfits_of(request: Request, partition: Partition, cluster: Cluster) -> Iterator[str]:
    yield from _closed(request, partition)
    yield from _too_long(request, partition)
    yield from _too_large(request, partition, cluster)


def unusable(request: Request, purpose: Purpose, server_gpus: int = 0) -> list[str]:
    """Return what of a request a job could not use, wherever it ran.

    Each task of a job that trains is one process on one device; a job that only evaluates is one process.
    """
    if purpose == "probe":
        return []
    if purpose == "evaluate":
        asked = {"nodes": request.nodes, "tasks": request.tasks, "gpus": request.gpus}
        return [
            f"{name}: a cell is evaluated by one process on one device, so {name} is 1 at most; got {number}. "
            "To use more at a time, let more cells run side by side (at_once)"
            for name, number in asked.items()
            if number > 1
        ]
    if server_gpus and request.nodes > 1:
        return [
            f"nodes: vLLM's server is on the first node alone; say nodes: 1 (got {request.nodes}), or mode: colocate"
        ]
    needed = request.tasks + server_gpus
    if needed == request.gpus or not (request.gpus or server_gpus):
        return []
    server = f", and vLLM's server has {server_gpus}" if server_gpus else ""
    more = (
        f"tasks: {request.gpus - server_gpus} to train each cell with all of them, or " if request.gpus > needed else ""
    )
    return [
        f"gpus: each task trains on one GPU of its own{server}; "
        f"got gpus: {request.gpus} and tasks: {request.tasks} on a "
        f"node. Say {more}gpus: {needed}"
    ]


def span(nodes: Iterable[Node]) -> str:
    """Say in a few words what nodes have: `up to 64 cores, 500 GiB, 4 GPUs (a100)`."""
    nodes = list(nodes)
    if not nodes:
        return "no nodes"
    kinds = sorted({kind for node in nodes for kind in node.gpus if kind})
    gpus = max(node.gpu_count() for node in nodes)
    parts = [f"{max(node.cpus for node in nodes)} cores", f"{_gib(max(node.memory_mib for node in nodes))} GiB"]
    parts.append(f"{gpus} GPUs{f' ({_listed(kinds)})' if kinds else ''}" if gpus else "no GPUs")
    return f"up to {', '.join(parts)}"


def _unknown_names(request: Request, cluster: Cluster) -> Iterator[str]:
    partitions = [partition.name for partition in cluster.partitions]
    if request.partition is not None:
        unknown = [name for name in request.partition.split(",") if name not in partitions]
        yield from (_unknown("partition", name, partitions) for name in unknown)
    if cluster.accounts is None:
        return
    for kind, name, known in (
        ("account", request.account, cluster.accounts.accounts),
        ("qos", request.qos, cluster.accounts.qos),
    ):
        if name is not None and known and name not in known:
            yield _unknown(kind, name, known)


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"no {kind} {name!r} for you on this cluster.{hint} Known: {_listed(known)}"


def _closed(request: Request, partition: Partition) -> Iterator[str]:
    if partition.state != "UP":
        yield f"partition {partition.name} is {partition.state}: it starts no jobs"
    for kind, name, allowed in (
        ("account", request.account, partition.accounts),
        ("qos", request.qos, partition.qos),
    ):
        if allowed and name is not None and name not in allowed:
            yield f"partition {partition.name} takes no {kind} {name!r}; it takes {_listed(allowed)}"


def _too_long(request: Request, partition: Partition) -> Iterator[str]:
    limit = partition.max_time_min
    if limit is not None and request.time_min > limit:
        yield (
            f"time: {request.time_min:,} min is more than partition {partition.name} allows, {limit:,} min; "
            f"time: {limit}min fits, and cells that need longer go on in the next job"
        )
    if partition.max_nodes is not None and request.nodes > partition.max_nodes:
        yield f"nodes: partition {partition.name} gives a job {partition.max_nodes} at most; got {request.nodes}"


def _too_large(request: Request, partition: Partition, cluster: Cluster) -> Iterator[str]:
    nodes = cluster.nodes_of(partition.name)
    wanted = _features(request.constraint)
    known = sorted({feature for node in nodes for feature in node.features})
    if unknown := [feature for feature in wanted if feature not in known]:
        yield (
            f"constraint: no node of partition {partition.name} has {_listed(unknown)}; "
            f"their features: {_listed(known)}"
        )
        return
    if _plain(request.constraint):
        nodes = [node for node in nodes if wanted <= node.features]
    single = list(_beyond_every_node(request, partition, nodes))
    yield from single
    if single:
        return
    fitting = [node for node in nodes if _fits(request, partition, node)]
    if len(fitting) < request.nodes:
        found = "none" if not fitting else f"{len(fitting)}"
        yield (
            f"{_asked(request)} on {request.nodes} node(s): {found} of the {len(nodes)} nodes of partition "
            f"{partition.name} can give all of it at once ({span(nodes)}); {_would_fit(cluster, request)}"
        )
    elif not any(node.up for node in fitting):
        states = _listed(sorted({node.state for node in fitting}))
        yield f"every node of partition {partition.name} that has {_asked(request)} is out of service ({states})"


def _beyond_every_node(request: Request, partition: Partition, nodes: list[Node]) -> Iterator[str]:
    """Yield what is more than any node has of it."""
    cores = max((_cores(partition, node) for node in nodes), default=0)
    memory = max((_memory_mib(partition, node) for node in nodes), default=0)
    kind = f" of type {request.gpu_type}" if request.gpu_type else ""
    gpus = max((node.gpu_count(request.gpu_type) for node in nodes), default=0)
    where = f"partition {partition.name}"
    if request.cpus_per_node > cores:
        yield f"cpus: {request.cpus_per_node} a node is more than any node of {where} has; at most {cores}"
    if request.memory_gib * MIB_PER_GIB > memory:
        most = f"{_gib(memory)}G" if memory >= MIB_PER_GIB else f"{memory}M"
        yield f"memory: {request.memory_gib:g} GiB is more than any node of {where} has; at most memory: {most}"
    if request.gpus > gpus:
        kinds = sorted({name for node in nodes for name in node.gpus if name})
        types = f" (types: {_listed(kinds)})" if kinds else ""
        yield f"gpus: {request.gpus}{kind} a node is more than any node of {where} has; at most {gpus}{types}"


def _fits(request: Request, partition: Partition, node: Node) -> bool:
    return (
        request.cpus_per_node <= _cores(partition, node)
        and request.memory_gib * MIB_PER_GIB <= _memory_mib(partition, node)
        and request.gpus <= node.gpu_count(request.gpu_type)
    )


def _would_fit(cluster: Cluster, request: Request) -> str:
    """Say where else the request would find a node."""
    others = [
        partition.name
        for partition in cluster.partitions
        if sum(_fits(request, partition, node) for node in cluster.nodes_of(partition.name)) >= request.nodes
    ]
    return f"partitions where it fits: {_listed(others)}" if others else "no partition can; ask for less"


def _cores(partition: Partition, node: Node) -> int:
    return min(node.cpus, partition.max_cpus_per_node or node.cpus)


def _memory_mib(partition: Partition, node: Node) -> int:
    return min(node.memory_mib, partition.max_memory_per_node_mib or node.memory_mib)


def _asked(request: Request) -> str:
    gpus = f", {request.gpus} {request.gpu_type or ''} GPUs".replace("  ", " ") if request.gpus else ""
    return f"{request.cpus_per_node} cores, {request.memory_gib:g} GiB{gpus}"


def _features(constraint: str | None) -> set[str]:
    """Return the names in a constraint such as `a100&(nvme|ssd)`, `[rack1*2&rack2*4]` or `!old`."""
    return set(re.findall(r"(?<![\w*.!-])[A-Za-z_][\w.-]*", constraint or ""))


def _plain(constraint: str | None) -> bool:
    """Whether all of a constraint's features must be there."""
    return constraint is not None and not re.search(r"[|*\[\]()!]", constraint)


def _gib(mib: int) -> int:
    return mib // MIB_PER_GIB


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
