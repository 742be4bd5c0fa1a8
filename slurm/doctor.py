"""What a cluster will do to a run: what fits, what is missing, what becomes of jobs that it takes down."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.runner.machine import Finding, caution, ok, problem
from slurm.cluster import Cluster, Partition
from slurm.commands import SlurmError, ask
from slurm.executor import Batch, make_executor, script
from slurm.fit import misfits, span, unusable
from slurm.limits import limits_of
from slurm.profile import Profile
from slurm.requests import Purpose, Request

SEALED = "if a step takes longer, only what was sealed is kept: seal more often (checkpoints in the plan)"
LOCAL_DISKS = ("tmpfs", "overlay", "ramfs")


def examine(cluster: Cluster, profile: Profile, purposes: Sequence[Purpose], server_gpus: int = 0) -> Iterator[Finding]:
    """Yield what a cluster has, and whether jobs with a profile would run there.

    Args:
        cluster: What Slurm says of itself.
        profile: What jobs ask for.
        purposes: Of the jobs that would be sent.
        server_gpus: GPUs of a job that a vLLM server has to itself.
    """
    yield ok("slurm", f"{cluster.version}, cluster {cluster.name}, {len(cluster.nodes)} nodes")
    for partition in cluster.partitions:
        yield ok("partition", _described(partition, cluster))
    for purpose in purposes:
        yield from _fit(cluster, profile.request(purpose), purpose, server_gpus)
    for name in sorted({one.name for purpose in purposes for one in _partitions(cluster, profile.request(purpose))}):
        yield _preemption(cluster, name)
    yield _requeue(cluster)
    yield _accounting(cluster)
    yield _limits(cluster)


def disk(path: Path) -> Iterator[Finding]:
    """Yield a caution if a folder lies on a disk that nodes can't share."""
    place = next((one for one in (path, *path.absolute().parents) if one.exists()), path).resolve()
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    around = [(mount, kind) for mount, kind in mounts if place.is_relative_to(mount)]
    if not around:
        return
    mount, kind = max(around, key=lambda one: len(one[0]))
    if kind in LOCAL_DISKS or place.is_relative_to("/tmp"):
        yield caution("runs", f"{place} is on {mount} ({kind}): do the nodes share it? the preflight tries it")


def _described(partition: Partition, cluster: Cluster) -> str:
    nodes = cluster.nodes_of(partition.name)
    up = sum(node.up for node in nodes)
    limit = "no time limit" if partition.max_time_min is None else f"at most {partition.max_time_min:,} min"
    default = " (default)" if partition.default else ""
    return f"{partition.name}{default}: {up} of {len(nodes)} nodes up, {span(nodes)}, {limit}"


def _partitions(cluster: Cluster, request: Request) -> list[Partition]:
    names = request.partition.split(",") if request.partition else [None]
    return [found for name in names if (found := cluster.partition(name)) is not None]


def _fit(cluster: Cluster, request: Request, purpose: Purpose, server_gpus: int) -> Iterator[Finding]:
    problems = [*unusable(request, purpose, server_gpus), *misfits(request, cluster)]
    if problems:
        yield from (problem(f"{purpose} jobs", one) for one in problems)
        return
    try:
        yield ok(f"{purpose} jobs", f"fit; Slurm says: {_tried(request)}")
    except SlurmError as error:
        yield problem(f"{purpose} jobs", f"Slurm wouldn't take one: {error}")


def _tried(request: Request) -> str:
    """Return what Slurm answers to a job that it is asked to judge and not to run.

    Raises:
        SlurmError: If it would refuse it.
    """
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        batch = Batch(name="doctor", comment="explorebench doctor", folder=here, code=here)
        path = here / "job.sh"
        path.write_text(script(make_executor("slurm", request, batch), 1), encoding="utf-8")
        said = ask("sbatch", "--test-only", str(path), errors=True).strip().splitlines()
    return said[-1].removeprefix("sbatch: ").strip() if said else "nothing"


def _preemption(cluster: Cluster, name: str) -> Finding:
    """Say what a job of a partition keeps when another one takes its node."""
    partition = cluster.partition(name)
    assert partition is not None, name
    what = f"preemption in {name}"
    by = cluster.settings.get("PreemptType", "preempt/none")
    mode = partition.preempt_mode if by == "preempt/partition_prio" else cluster.settings.get("PreemptMode", "OFF")
    if by == "preempt/none" or mode.startswith("OFF"):
        return ok(what, "none: its jobs are never pushed out")
    tier = max(one.priority_tier for one in cluster.partitions)
    if by == "preempt/partition_prio" and partition.priority_tier == tier:
        return ok(what, "none: no partition goes before it")
    if partition.grace_s > 0:
        how = "told" if "preempt_send_user_signal" in cluster.parameters else "sent TERM"
        kept = f"its jobs are {how} {partition.grace_s} s before, and save at their next step"
        then = "" if mode.startswith("REQUEUE") else f"; the mode is {mode}, so queue the plan again afterwards"
        return (ok if mode.startswith("REQUEUE") else caution)(what, f"{kept}{then}")
    kill = cluster.settings.get("KillWait", "30 sec")
    return caution(what, f"its jobs are killed {kill} after the first notice (GraceTime is 0), mode {mode}; {SEALED}")


def _requeue(cluster: Cluster) -> Finding:
    codes = [cluster.settings[name] for name in ("RequeueExit", "RequeueExitHold") if name in cluster.settings]
    kill = cluster.settings.get("KillWait", "30 sec")
    found = f"jobs ask for it themselves; {kill} between a signal to end and the kill"
    if codes:
        return caution("requeue", f"{found}; jobs that end with {', '.join(codes)} are requeued by the cluster besides")
    return ok("requeue", found)


def _accounting(cluster: Cluster) -> Finding:
    if cluster.accounts is None:
        return caution(
            "accounting", f"off ({cluster.no_accounts}): `explorebench account` finds nothing, all else works"
        )
    try:
        ask("sacct", "--noheader", "--allocations", "--starttime=now")
    except SlurmError as error:
        return caution("accounting", f"sacct doesn't answer ({error}): `explorebench account` later; all else works")
    if cluster.settings.get("JobAcctGatherType", "jobacct_gather/none").endswith("none"):
        return caution("accounting", "works, but JobAcctGatherType is none: memory and CPU time stay unknown")
    return ok("accounting", f"works; your accounts: {', '.join(cluster.accounts.accounts) or 'none'}")


def _limits(cluster: Cluster) -> Finding:
    limits = limits_of(cluster)
    own = "" if cluster.accounts is None or cluster.accounts.max_submitted is None else f", {limits.user:,} of yours"
    return ok("limits", f"arrays of at most {limits.array:,} jobs, {limits.queue:,} jobs in the queue{own}")
