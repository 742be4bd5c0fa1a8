"""Cells as jobs through submitit: one job per cell that needs an attempt, trials among them.

Whether a cell is done is never asked of the scheduler: a job that is sent twice, or killed, finds in the store what is
left to do. Submitit's local and debug executors run the same path.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.plan.cells import Cell
from harness.plan.resolve import Plan
from harness.plan.trials import cells_of, trials_of
from harness.runner.prepare import prepare, threads_of, to_run
from harness.store.paths import RunPaths
from harness.tuning.settle import choose

if TYPE_CHECKING:
    import submitit

Cluster = Literal["slurm", "local", "debug"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """What one cell's job asks for."""

    timeout_min: int = 240
    cpus_per_task: int = 1
    memory_gib: float = 4.0
    gpus_per_node: int = 0
    partition: str | None = None


def submit(
    plan: Plan, run: RunPaths, cluster: Cluster, resources: Resources, *, retry_failed: bool = False
) -> tuple[Plan, list[submitit.Job[None]]]:
    """Submit a job for each cell that needs one, and return the plan as it is settled now, and the jobs.

    The cells of a tuned arm are submitted by the first call that finds all its trials over.

    Args:
        plan: What to run.
        run: Its folder, on a disk that the nodes share.
        cluster: slurm, or submitit's local (subprocesses) or debug (this process) executor.
        resources: For each job.
        retry_failed: Also submit cells that have failed.
    """
    import submitit

    trials = to_run(trials_of(plan), run, retry_failed=retry_failed)
    plan = choose(plan, run, {trial.cell.id for trial in trials})
    prepare(plan, run)
    planned = [*trials, *to_run(cells_of(plan), run, retry_failed=retry_failed)]
    # Always explicit: by itself submitit takes Slurm whenever srun is on the PATH.
    executor = submitit.AutoExecutor(folder=run.jobs, cluster=cluster)
    executor.update_parameters(
        name=plan.name,
        timeout_min=resources.timeout_min,
        cpus_per_task=resources.cpus_per_task,
        mem_gb=resources.memory_gib,
        gpus_per_node=resources.gpus_per_node,
        **({"slurm_partition": resources.partition} if resources.partition and cluster == "slurm" else {}),
    )
    root = str(run.root.absolute())
    return plan, [executor.submit(run_in_job, root, *_job_of(run, one.cell, resources)) for one in planned]


def run_in_job(run_root: str, cell_id: str, threads: int) -> None:
    """Make one attempt at a cell; how it ended stands in its attempt file."""
    from harness.training.cell import run_stored_cell

    run_stored_cell(RunPaths(Path(run_root)), cell_id, threads)


def _job_of(run: RunPaths, cell: Cell, resources: Resources) -> tuple[str, int]:
    return cell.id, threads_of(run, cell, resources.cpus_per_task)
