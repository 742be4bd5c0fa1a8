"""What can't be had with several processes for one cell, said before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from harness.runner.prepare import ranks_of
from harness.training.vllm import NOT_INSTALLED
from slurm.commands import SlurmError
from slurm.executor import Cluster
from slurm.fit import unusable
from slurm.requests import Request

if TYPE_CHECKING:
    from harness.plan.resolve import Plan
    from harness.plan.trials import PlannedCell
    from harness.store.paths import RunPaths
    from harness.store.stages import Stage


def unlaunchable(plan: Plan, request: Request, stage: Stage) -> list[str]:
    """Return why jobs of a stage can't use what they ask for, wherever they run."""
    from harness.plan.ranks import uneven

    vllm = plan.training.vllm if stage != "evaluate" else None
    problems = unusable(request, stage, vllm.gpus if vllm and vllm.mode == "server" else 0)
    if vllm and not (request.python or request.container) and find_spec("vllm") is None:
        problems.append(NOT_INSTALLED)
    if vllm and vllm.mode == "colocate" and request.ranks % vllm.gpus:
        problems.append(
            f"training: vllm: gpus: {vllm.gpus} must divide the {request.ranks} ranks that train a cell (nodes x tasks)"
        )
    return problems or (uneven(plan, request.ranks) if stage != "evaluate" else [])


def require_launchable(plan: Plan, requests: Mapping[Stage, Request], cluster: Cluster) -> None:
    """Raise SlurmError if jobs can't use what they ask for, or the executor can't give it."""
    stages: tuple[Stage, ...] = ("train", "evaluate") if plan.evaluation.separate else ("all",)
    problems = [f"{stage} jobs: {one}" for stage in stages for one in unlaunchable(plan, requests[stage], stage)]
    largest = max((requests[stage] for stage in stages), key=lambda request: request.ranks)
    if cluster == "debug" and largest.ranks > 1:
        problems.append(f"the debug executor runs one process, got {largest.ranks}; use local or slurm")
    if cluster == "local" and largest.nodes > 1:
        problems.append(f"the local executor has one node, got {largest.nodes}; say nodes: 1, tasks: {largest.ranks}")
    if problems:
        raise SlurmError(*problems)


def require_same_ranks(planned: list[PlannedCell], run: RunPaths, request: Request) -> None:
    """Raise SlurmError if a cell that has begun would be trained on by another number of ranks."""
    begun = {one.cell.id: ranks_of(run, one.cell) for one in planned if one.plan.arm(one.cell.arm).strategy is not None}
    others = {cell: ranks for cell, ranks in begun.items() if ranks not in (None, request.ranks)}
    if others:
        cell, ranks = next(iter(others.items()))
        raise SlurmError(
            f"{len(others)} cells were begun with another number of ranks ({cell} with {ranks}) than nodes x tasks = "
            f"{request.ranks}, which rounds differently; ask for {ranks}, or queue into a new folder (--runs)"
        )
