"""From cells that need something to arrays of jobs: one array for each stage and request, none larger than allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.plan.trials import PlannedCell
from harness.runner.prepare import threads_of
from harness.store.paths import RunPaths
from harness.store.seal import SEAL
from harness.store.stages import Stage
from slurm.job import CellJob
from slurm.requests import Request


@dataclass(frozen=True, kw_only=True, slots=True)
class Array:
    """Jobs that are sent with one call."""

    stage: Stage
    request: Request
    jobs: tuple[CellJob, ...]
    after: int | None = None
    """Place in the list of the array whose job of the same place each of these waits for."""


def stages_of(one: PlannedCell, run: RunPaths) -> tuple[Stage, ...]:
    """Return the stages that a cell which isn't finished still has to go through, a job for each."""
    plan, cell = one
    if not plan.evaluation.separate:
        return ("all",)
    trained = (run.cell(cell.id).checkpoint(plan.checkpoints) / SEAL).exists()
    return ("evaluate",) if trained or plan.arm(cell.arm).strategy is None else ("train", "evaluate")


def arrays(
    planned: Sequence[PlannedCell], run: RunPaths, requests: Mapping[Stage, Request], largest: int, offset: int = 0
) -> list[Array]:
    """Return the arrays for cells, in their order; the second stage of a cell stands at the place of its first.

    Args:
        planned: Cells, each with the plan that it is run under.
        run: The folder of the run.
        requests: What a job of each stage asks for.
        largest: Jobs of one array, at most.
        offset: Arrays that stand before these.
    """
    by_stages: dict[tuple[Stage, ...], list[PlannedCell]] = {}
    for one in planned:
        by_stages.setdefault(stages_of(one, run), []).append(one)
    found: list[Array] = []
    for stages, cells in by_stages.items():
        for start in range(0, len(cells), largest):
            after = None
            for stage in stages:
                jobs = tuple(_job(one, run, stage, requests[stage]) for one in cells[start : start + largest])
                found.append(Array(stage=stage, request=requests[stage], jobs=jobs, after=after))
                after = offset + len(found) - 1
    return found


def _job(one: PlannedCell, run: RunPaths, stage: Stage, request: Request) -> CellJob:
    threads = threads_of(run, one.cell, request.cpus)
    return CellJob(
        run_root=str(run.root.absolute()), cell_id=one.cell.id, threads=threads, stage=stage, ranks=request.ranks
    )
