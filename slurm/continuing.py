"""The job that goes on with a run's queue when the trials of its tuned arms are over."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.store.paths import RunPaths
from harness.store.stages import STAGES
from slurm.dispatch import Dispatcher, Sent, submission_explained
from slurm.executor import Batch, make_executor
from slurm.profile import Profile
from slurm.queued import CONTINUE
from slurm.requests import Request
from slurm.submitted import comment

if TYPE_CHECKING:
    from harness.plan.resolve import Plan

TIME_MIN = 30
KEPT = ("SLURM_CONF",)


@dataclass(frozen=True, kw_only=True)
class ContinueQueue:
    """Called without arguments inside a job, it sends what the run's plan needs by then."""

    run_root: str
    profile: Profile

    def __call__(self) -> None:
        """Choose where trials are over, and send the cells of those arms; what was sent is printed."""
        from harness.plan.resolve import load_plan
        from slurm.cluster import read_cluster
        from slurm.limits import limits_of

        # What describes this job must not be taken for what the new ones ask for.
        for name in [name for name in os.environ if name.startswith("SLURM_") and name not in KEPT]:
            del os.environ[name]
        run = RunPaths(Path(self.run_root))
        limits = limits_of(read_cluster(), {self.profile.request(stage).qos for stage in STAGES})
        dispatcher = Dispatcher(run=run, cluster="slurm", profile=self.profile, limits=limits)
        sent = dispatcher.send(load_plan(run.plan), lambda *_: None, lambda: None)
        print(f"{sent.needs.jobs} jobs queued: {', '.join(sent.numbers) or 'none'}", flush=True)
        further = send_continue(dispatcher, sent)
        if further:
            print(f"trials are still to be made; job {further} goes on after them", flush=True)


def send_continue(dispatcher: Dispatcher, sent: Sent) -> str | None:
    """Send the job that goes on when the trials in the queue are over, and return its number; None if nothing waits.

    Raises:
        SlurmError: If it can't be sent; then the user has to queue the plan again by hand.
    """
    plan = sent.needs.plan
    if dispatcher.cluster != "slurm" or sent.needs.queued.continues or not any(arm.waiting for arm in plan.arms):
        return None
    numbers = _trial_jobs(plan, sent)
    if not numbers:
        return None
    batch = Batch(
        name=f"{plan.name}-{CONTINUE}",
        comment=comment(plan.name, "all").removesuffix("all") + CONTINUE,
        folder=dispatcher.run.jobs.absolute(),
        code=sent.snapshot.folder,
        after=f"afterany:{':'.join(numbers)}",
    )
    executor = make_executor("slurm", small(dispatcher.profile.request("evaluate")), batch)
    with submission_explained():
        job = executor.submit(ContinueQueue(run_root=str(dispatcher.run.root.absolute()), profile=dispatcher.profile))
    return str(job.job_id)


def small(request: Request) -> Request:
    """Return a request for one core for a short time, at the same place."""
    return replace(request, time_min=min(TIME_MIN, request.time_min), cpus=1, gpus=0, gpu_type=None, nodes=1, tasks=1)


def _trial_jobs(plan: Plan, sent: Sent) -> list[str]:
    """Return the numbers of the jobs and arrays that trials are in, those that were queued before among them."""
    from harness.plan.trials import trials_of

    trials = {one.cell.id for one in trials_of(plan)}
    numbers = {number for cell, number in sent.needs.queued.arrays.items() if cell in trials}
    for array, number in zip(sent.needs.arrays, sent.numbers, strict=True):
        if any(job.cell_id in trials for job in array.jobs):
            numbers.add(number)
    return sorted(numbers)
