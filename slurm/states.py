"""Where the cells of a run stand, jobs included: the run's files first, Slurm second, and only for what they don't say.

Slurm is asked once for its queue, and once for its accounting where a job has ended without a word. Where it can't be
asked, the files alone are believed, and a note says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.store import attempts
from harness.store.attempts import Attempt, read_last
from harness.store.lease import GONE
from harness.store.paths import RunPaths
from harness.store.status import CellStatus, State, read_cells, read_resolved, read_trials
from harness.store.wishes import is_to_rest
from slurm.accounting import AccountingError, Runs, asked, run_of
from slurm.causes import diagnose, ended
from slurm.commands import SlurmError, ask
from slurm.submitted import Submitted, comment, read_submitted

SEPARATOR = "|"
FORMAT = ",".join(
    f"{field}:{SEPARATOR}" for field in ("JobID", "JobArrayID", "State", "Reason", "RestartCnt", "Comment")
)
ASK_AGAIN_S = 15.0
"""Between two questions to Slurm while somebody watches."""
UNKNOWN_JOB = "Invalid job id"
"""What squeue says when it knows none of the jobs any more."""
OPEN = ("waiting", "interrupted", "running")
"""States in which a job may be about a cell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """A job in Slurm's queue."""

    number: str
    name: str
    """The same for people: of a task of an array, the array's number and the place in it."""
    state: str
    reason: str
    restarts: int
    comment: str


@dataclass(kw_only=True)
class Looks:
    """Looks at a run again and again, of which not every one asks Slurm: it has others to serve."""

    run: RunPaths
    _asked_s: float = float("-inf")
    _before: dict[str, CellStatus] = field(default_factory=dict)
    """What the files said when Slurm was asked."""
    _told: dict[str, CellStatus] = field(default_factory=dict)
    _notes: list[str] = field(default_factory=list)

    def refined(self, statuses: list[CellStatus]) -> tuple[list[CellStatus], list[str]]:
        """Return what the files say now, with what Slurm added to it the last time where that is still about it."""
        if time.monotonic() - self._asked_s >= ASK_AGAIN_S:
            told, self._notes = with_slurm(self.run, statuses)
            self._before = {one.id: one for one in statuses}
            self._told = {one.id: one for one in told}
            self._asked_s = time.monotonic()
        return [self._told[one.id] if self._before.get(one.id) == one else one for one in statuses], self._notes


def read_states(run: RunPaths) -> tuple[list[CellStatus], list[str]]:
    """Return where each cell of a run stands, trials first, and what a reader should know about that.

    Raises:
        StoreError: If the folder isn't a run.
    """
    return with_slurm(run, [*read_trials(run), *read_cells(run)])


def close_ended(run: RunPaths) -> int:
    """Write down how attempts ended whose jobs are over though their leases look fresh, and return how many.

    Whoever queues cells right after their jobs were killed need not wait then until the leases expire.
    """
    closed = 0
    for one in [*read_trials(run), *read_cells(run)]:
        last, _ = read_last(run.cell(one.id)) if one.state == "running" and one.job else (None, 0)
        if last is None or last.ended is not None:
            continue
        outcome, cause = diagnose(last)
        if cause is not GONE[1]:
            attempts.close(run.cell(one.id), last, outcome, cause)
            closed += 1
    return closed


def with_slurm(run: RunPaths, statuses: Sequence[CellStatus]) -> tuple[list[CellStatus], list[str]]:
    """Return what the files say of cells with what Slurm adds to it, and what a reader should know about that."""
    sent: dict[str, list[Submitted]] = {}
    for one in read_submitted(run):
        sent.setdefault(one.cell, []).append(one)
    unclear = [one for one in statuses if one.state in OPEN and (one.id in sent or one.job)]
    if not unclear:
        return list(statuses), []
    try:
        queue = read_queue(_numbers(unclear, sent), str(read_resolved(run)["name"]))
    except SlurmError as error:
        return list(statuses), [f"Slurm's queue can't be seen: {error}. States are what the run's files say"]
    seen = {one.id: _in_queue(one, sent.get(one.id, []), queue) for one in unclear}
    silent = [one for one in unclear if seen[one.id] is None]
    told, notes = _accounted(run, silent, sent)
    return [told.get(one.id) or seen.get(one.id) or one for one in statuses], notes


def read_queue(numbers: Iterable[str], run_name: str) -> dict[str, Queued]:
    """Return the jobs of a run that are in Slurm's queue, each by its number and by its name, in one call.

    Raises:
        SlurmError: If Slurm can't be asked.
    """
    wanted = sorted(set(numbers))
    try:
        printed = ask(
            "squeue", "--noheader", "--array", "--states=all", f"--Format={FORMAT}", f"--jobs={','.join(wanted)}"
        )
    except SlurmError as error:
        if UNKNOWN_JOB in str(error):
            return {}
        raise
    ours = comment(run_name, "all").removesuffix("all")
    return {key: one for one in parsed_queue(printed) if one.comment.startswith(ours) for key in (one.number, one.name)}


def parsed_queue(printed: str) -> list[Queued]:
    """Return the jobs that squeue printed with `FORMAT`, those that are over left out."""
    found = []
    for line in printed.splitlines():
        number, name, state, reason, restarts, said = line.split(SEPARATOR)[:6]
        if state in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED", "STOPPED"):
            found.append(
                Queued(number=number, name=name, state=state, reason=reason, restarts=int(restarts), comment=said)
            )
    return found


def _numbers(unclear: Iterable[CellStatus], sent: Mapping[str, Sequence[Submitted]]) -> set[str]:
    """Return the numbers to ask for: of arrays rather than of each of their tasks."""
    found = {one.job for status in unclear for one in sent.get(status.id, ())}
    return found | {status.job for status in unclear if status.job and status.id not in sent}


def _in_queue(status: CellStatus, sent: Sequence[Submitted], queue: Mapping[str, Queued]) -> CellStatus | None:
    """Return a cell as its job in the queue shows it; None if it has none there."""
    names = [one.name for one in sent] + ([status.job] if status.job else [])
    jobs = sorted((queue[name] for name in names if name in queue), key=_order)
    if status.state == "running":
        own = queue.get(status.job or "")
        if status.job is None or (own and own.state != "PENDING" and own.restarts == status.requeued):
            return status
        jobs = [own] if own else []  # its process is gone, though its lease looks fresh
    if not jobs:
        return None
    job = jobs[0]
    reason = job.reason if job.state == "PENDING" else f"job {job.name} is {job.state.lower()}"
    return replace(status, state="queued", cause=reason, job=job.name, requeued=job.restarts)


def _order(job: Queued) -> tuple[bool, bool]:
    return job.state == "PENDING", job.reason.startswith("Dependency")


def _accounted(
    run: RunPaths, silent: Sequence[CellStatus], sent: Mapping[str, Sequence[Submitted]]
) -> tuple[dict[str, CellStatus], list[str]]:
    """Return those cells about which accounting says more than the files: jobs that ended without a word."""
    lasts = {one.id: read_last(run.cell(one.id))[0] for one in silent}
    killed = {cell: last for cell, last in lasts.items() if last is not None and last.ended is None and last.job}
    unborn = {one.id: sent[one.id][-1] for one in silent if lasts[one.id] is None and one.id in sent}
    if not killed and not unborn:
        return {}, []
    numbers = {last.job or "" for last in killed.values()} | {one.job for one in unborn.values()}
    try:
        found = asked(numbers)
    except AccountingError as error:
        return {}, [f"why jobs ended can't be asked: {error}"]
    by_id = {one.id: one for one in silent}
    told = {cell: _told(by_id[cell], last, run, found) for cell, last in killed.items()}
    return told | {cell: _unborn(by_id[cell], job, found) for cell, job in unborn.items()}, []


def _told(status: CellStatus, last: Attempt, run: RunPaths, found: Runs) -> CellStatus:
    counted = run_of(last, found)
    end = ended(counted, last.job or "") if counted else None
    if end is None:
        return status
    outcome, cause = end
    status = replace(status, phase="", job=last.job)
    if is_to_rest(run.cell(status.id)):
        return replace(status, state="cancelled")
    state: State = "failed" if outcome == "failed" else "interrupted"
    return replace(status, state=state, cause=f"{cause['kind']}: {cause['message']}")


def _unborn(status: CellStatus, job: Submitted, found: Runs) -> CellStatus:
    """Return a cell whose job is over and never made an attempt: that is no waiting."""
    runs = found.get(job.name, ())
    end = ended(runs[-1], job.name) if runs else None
    if end is None:
        return status
    _, cause = end
    said = f"{cause['kind']}: {cause['message']}, before it made an attempt; see explorebench logs"
    return replace(status, state="interrupted" if cause["kind"] == "cancelled" else "failed", cause=said, job=job.name)
