"""Sending what a run still needs as jobs, through submitit: one array for each stage and request.

Whether a cell is done is never asked of the scheduler: a job that is sent twice, or killed, finds in the store what is
left to do. What already waits in the queue is not sent again. Submitit's local and debug executors run the same path.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cores import variables_set
from harness.errors import StoreError
from harness.plan.resolve import Plan
from harness.plan.trials import cells_of, trials_of
from harness.runner.prepare import prepare, to_run
from harness.store.atomic import write_json, write_text
from harness.store.paths import RunPaths
from harness.store.stages import STAGES, Stage
from harness.tuning.settle import choose
from slurm.arrays import Array, arrays
from slurm.code import CodeSnapshot, take_snapshot
from slurm.commands import SlurmError
from slurm.executor import Batch, Cluster, environment, make_executor, with_rest_of_path
from slurm.launch import require_launchable, require_same_ranks
from slurm.limits import Limits
from slurm.profile import Profile, written
from slurm.queued import Queued, only_one, read_queued
from slurm.requests import Request
from slurm.states import close_ended
from slurm.submitted import Submitted, append_submitted, comment

if TYPE_CHECKING:
    import submitit

NOTHING_QUEUED = Queued(cells=frozenset(), arrays={}, jobs=0, continues=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What is to be sent."""

    plan: Plan
    """As it is settled now."""
    arrays: tuple[Array, ...]
    queued: Queued
    left_out: int = 0
    """Cells that the cluster has no room for now."""

    @property
    def jobs(self) -> int:
        """How many jobs that is."""
        return sum(len(array.jobs) for array in self.arrays)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What was sent."""

    needs: Needs
    snapshot: CodeSnapshot
    jobs: list[submitit.Job[None]]
    numbers: list[str] = field(default_factory=list)
    """Of each array, or of the one job that is no array; other executors have one of each job."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispatcher:
    """Sends the jobs of one run to one cluster."""

    run: RunPaths
    cluster: Cluster
    profile: Profile
    limits: Limits
    retry_failed: bool = False
    """Also send cells that have failed."""

    def needs(self, plan: Plan) -> Needs:
        """Return what of `plan` is missing and not queued yet.

        Raises:
            SlurmError: If Slurm can't be asked what is queued.
        """
        queued = NOTHING_QUEUED
        if self.cluster == "slurm":
            queued = read_queued(self.run, plan.name)
            if self.run.submitted.exists():
                close_ended(self.run, queued.cells)
        trials = to_run(trials_of(plan), self.run, retry_failed=self.retry_failed)
        plan = choose(plan, self.run, {trial.cell.id for trial in trials} | queued.cells)
        cells = to_run(cells_of(plan), self.run, retry_failed=self.retry_failed)
        wanted = [[one for one in found if one.cell.id not in queued.cells] for found in (trials, cells)]
        room = self.limits.room(queued.jobs, 2 if plan.evaluation.separate else 1)
        taken = [wanted[0][:room], wanted[1][: max(0, room - len(wanted[0]))]]
        requests: Mapping[Stage, Request] = {stage: self.profile.request(stage) for stage in STAGES}
        require_launchable(plan, requests, self.cluster)
        require_same_ranks([*taken[0], *taken[1]], self.run, requests["train"])
        found: list[Array] = []
        for one in taken:
            found += arrays(one, self.run, requests, self.limits.array, len(found))
        left_out = sum(map(len, wanted)) - sum(map(len, taken))
        return Needs(plan=plan, arrays=tuple(found), queued=queued, left_out=left_out)

    def send(self, plan: Plan, check: Callable[[Needs, CodeSnapshot], None], waiting: Callable[[], None]) -> Sent:
        """Send what `plan` needs.

        Args:
            plan: What to run.
            check: Called before the first job is sent; what it raises stops the submission.
            waiting: Called if another process is sending jobs of the same run, and has to be waited for.

        Raises:
            SlurmError: If Slurm can't be asked or takes no job.
            StoreError: If the run's folder can't be written.
        """
        require_writable(self.run)
        with only_one(self.run, waiting):
            needs, snapshot = self.needs(plan), take_snapshot(self.run)
            prepare(needs.plan, self.run)
            # Beside the plan's copy, where whoever goes on with this run looks for it.
            write_text(self.run.profile, written(self.profile))
            if needs.arrays:
                check(needs, snapshot)
            sent = Sent(needs=needs, snapshot=snapshot, jobs=[])
            for array in needs.arrays:
                jobs = self._send(needs.plan, array, sent)
                sent.jobs.extend(jobs)
                sent.numbers.append(jobs[0].job_id.split("_")[0])
        return sent

    def batch(self, plan: Plan, array: Array, code: Path, after: str | None) -> Batch:
        """Return what the jobs of an array have in common beside their resources."""
        return Batch(
            name=f"{plan.name}-{array.stage}",
            comment=comment(plan.name, array.stage),
            folder=self.run.jobs.absolute(),
            code=code,
            after=after,
        )

    def _send(self, plan: Plan, array: Array, sent: Sent) -> list[submitit.Job[None]]:
        after = None if array.after is None else dependency(sent.numbers[array.after], len(array.jobs))
        executor = make_executor(self.cluster, array.request, self.batch(plan, array, sent.snapshot.folder, after))
        variables = environment(array.request, sent.snapshot.folder)
        variables["PYTHONPATH"] = with_rest_of_path(sent.snapshot.folder)
        with submission_explained(), variables_set(variables if self.cluster == "local" else {}):
            jobs: list[submitit.Job[None]] = executor.submit_array(array.jobs)
        if self.cluster == "slurm":
            append_submitted(self.run, [_submitted(job.job_id, one.cell_id, array.stage) for job, one in
                                        zip(jobs, array.jobs, strict=True)])  # fmt: skip
        return jobs


def require_writable(run: RunPaths) -> None:
    """Raise StoreError if the run's folder can't be written."""
    probe = run.probe(f"here-{os.getpid()}")
    try:
        write_json(probe, {})
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"{run.root} can't be written: {error.strerror or error}; "
            "choose a folder on a disk that is yours and that the nodes share, with --runs"
        ) from error


@contextmanager
def submission_explained() -> Iterator[None]:
    """Raise SlurmError with what sbatch said, instead of submitit's errors."""
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        with redirect_stderr(StringIO()):  # submitit prints what it raises
            yield
    except (FailedJobError, FailedSubmissionError, subprocess.CalledProcessError) as error:
        said = [line for line in str(error).splitlines() if "error" in line.lower()] or [str(error)]
        raise SlurmError(f"sbatch took no job: {'; '.join(said)[:500]}") from error


def dependency(number: str, jobs: int) -> str:
    """Return the dependency on the job of the same place in an array; one job alone is no array."""
    return f"aftercorr:{number}" if jobs > 1 else f"afterok:{number}"


def _submitted(job_id: str, cell: str, stage: Stage) -> Submitted:
    number, _, index = job_id.partition("_")
    return Submitted(job=number, index=int(index) if index else None, cell=cell, stage=stage)
