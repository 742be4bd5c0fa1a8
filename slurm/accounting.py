"""What Slurm's own accounting says of the jobs of a run, beside our ledger: a line for each attempt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from harness.store.atomic import write_json
from harness.store.attempts import Attempt, read_attempts
from harness.store.paths import CellPaths, RunPaths
from slurm.commands import SlurmError, ask

FIELDS = (
    "JobIDRaw", "State", "ExitCode", "ElapsedRaw", "TotalCPU", "MaxRSS", "ReqMem", "AllocTRES", "ConsumedEnergyRaw",
    "JobID",
)  # fmt: skip
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}
UNDER_WAY = ("PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUE_HOLD")
"""States of what isn't over."""


class AccountingError(RuntimeError):
    """Slurm's accounting can't be asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accounted:
    """One run of a job, its steps summed up; None where Slurm doesn't say. A job that was requeued has several."""

    state: str
    exit_code: str
    """As Slurm writes it: code:signal."""
    elapsed_s: float | None
    cpu_s: float | None
    max_rss_bytes: int | None
    """The most that one task of any step had in memory."""
    asked_bytes: int | None
    """Memory that the job had asked for."""
    allocated: str
    """Trackable resources, as Slurm writes them."""
    energy_joules: float | None
    """Where an energy plugin is configured; without one Slurm counts 0, which is unknown here."""

    @property
    def over(self) -> bool:
        """Whether it has ended, so that nothing of it will change."""
        return not self.state.startswith(UNDER_WAY)


Runs = Mapping[str, Sequence[Accounted]]
"""By job: its runs, one for each time that Slurm started it."""


def account(run: RunPaths) -> Runs:
    """Ask Slurm for the jobs of all attempts at a run's cells, keep the answer in the run, and return it by job.

    Raises:
        AccountingError: If no attempt ran in a job, or `sacct` can't be asked.
    """
    cells = sorted(run.cells.iterdir()) if run.cells.is_dir() else []
    jobs = {attempt.job for cell in cells for attempt in read_attempts(run.cell(cell.name)) if attempt.job}
    if not jobs:
        raise AccountingError(f"{run.root}: no attempt ran in a Slurm job, so there is nothing to ask Slurm for")
    found = {job: runs for job, runs in asked(jobs).items() if job in jobs}
    write_json(run.accounting, {job: [asdict(one) for one in runs] for job, runs in found.items()})
    return found


def collect(run: RunPaths) -> None:
    """Ask for what isn't known yet of jobs that are over, if accounting can be asked here; else leave it for later."""
    with suppress(OSError, ValueError, AccountingError):
        jobs = {job: last for cell in run.cells.iterdir() for job, last in _jobs(run.cell(cell.name)).items()}
        known = json.loads(run.accounting.read_bytes()) if run.accounting.is_file() else {}
        if any(len(known.get(job, ())) <= restarts for job, restarts in jobs.items()):
            account(run)


def _jobs(paths: CellPaths) -> dict[str, int]:
    """Return the jobs of a cell's attempts, with how often each was started again."""
    found: dict[str, int] = {}
    for attempt in read_attempts(paths):
        if attempt.job is not None:
            found[attempt.job] = max(attempt.restart, found.get(attempt.job, 0))
    return found


def asked(jobs: Iterable[str]) -> Runs:
    """Ask Slurm for jobs, all in one call.

    Raises:
        AccountingError: If `sacct` can't be asked.
    """
    wanted = sorted(set(jobs))
    command = ["sacct", "--duplicates", "--parsable2", "--noheader", f"--format={','.join(FIELDS)}"]
    try:
        return parsed(ask(*command, "--jobs", ",".join(wanted)))
    except SlurmError as error:
        raise AccountingError(f"{error}; accounting needs sacct, and slurmdbd to be running") from error


def parsed(text: str) -> dict[str, list[Accounted]]:
    """Return the jobs in what `sacct --duplicates --parsable2 --noheader` printed with `FIELDS`.

    A task of an array stands under its own number and under that of the array with its place in it, such as 12_3.

    A run's own line comes before those of its steps, on which memory stands; the runs of a job are in order.
    """
    rows: dict[str, list[list[dict[str, str]]]] = {}
    names: dict[str, str] = {}
    for line in text.splitlines():
        row = dict(zip(FIELDS, line.split("|"), strict=True))
        job, _, step = row["JobIDRaw"].partition(".")
        if not step:
            rows.setdefault(job, []).append([])
            names[row["JobID"]] = job
        if job in rows:
            rows[job][-1].append(row)
    found = {job: [_summed(one) for one in runs] for job, runs in rows.items()}
    return found | {name: found[job] for name, job in names.items()}


def run_of(attempt: Attempt, found: Runs) -> Accounted | None:
    """Return what was counted for an attempt: the run of its job that began when Slurm had restarted it so often."""
    runs = found.get(attempt.job or "", ())
    return runs[attempt.restart] if attempt.restart < len(runs) else None


def _summed(rows: Sequence[Mapping[str, str]]) -> Accounted:
    whole = rows[0]
    memory = [found for row in rows if (found := _bytes(row["MaxRSS"])) is not None]
    energy = [float(row["ConsumedEnergyRaw"]) for row in rows if row["ConsumedEnergyRaw"]]
    return Accounted(
        state=whole["State"],
        exit_code=whole["ExitCode"],
        elapsed_s=float(whole["ElapsedRaw"]) if whole["ElapsedRaw"] else None,
        cpu_s=seconds_of(whole["TotalCPU"]),
        max_rss_bytes=max(memory, default=None),
        asked_bytes=_bytes(whole["ReqMem"].rstrip("nc")),
        allocated=whole["AllocTRES"],
        energy_joules=max(energy, default=0.0) or None,
    )


def _bytes(text: str) -> int | None:
    """Return a size in bytes; None where Slurm doesn't know it: that is nothing, or `16?`."""
    number, unit = (text[:-1], UNITS[text[-1]]) if text[-1:] in UNITS else (text, 1)
    try:
        return int(float(number) * unit)
    except ValueError:
        return None


def seconds_of(text: str) -> float | None:
    """Return [days-][hours:]minutes:seconds in seconds."""
    if not text:
        return None
    days, _, clock = text.rpartition("-")
    total = 0.0
    for part in clock.split(":"):
        total = 60 * total + float(part)
    return total + 86_400 * float(days or 0)
