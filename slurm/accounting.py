"""What Slurm's own accounting says of the jobs of a run, beside our ledger."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from harness.store.atomic import write_json
from harness.store.attempts import read_attempts
from harness.store.paths import RunPaths

FIELDS = ("JobIDRaw", "State", "ElapsedRaw", "TotalCPU", "MaxRSS", "AllocTRES", "ConsumedEnergyRaw")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class AccountingError(RuntimeError):
    """Slurm's accounting can't be asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accounted:
    """One job, its steps summed up; None where Slurm doesn't say."""

    state: str
    elapsed_s: float | None
    cpu_s: float | None
    max_rss_bytes: int | None
    """The most that one task of any step had in memory."""
    allocated: str
    """Trackable resources, as Slurm writes them."""
    energy_joules: float | None
    """Where an energy plugin is configured; without one Slurm counts 0, which is unknown here."""


def account(run: RunPaths) -> dict[str, Accounted]:
    """Ask Slurm for the jobs of all attempts at a run's cells, keep the answer in the run, and return it by job.

    Raises:
        AccountingError: If no attempt ran in a job, or `sacct` can't be asked.
    """
    cells = sorted(run.cells.iterdir()) if run.cells.is_dir() else []
    jobs = {attempt.job for cell in cells for attempt in read_attempts(run.cell(cell.name)) if attempt.job}
    if not jobs:
        raise AccountingError(f"{run.root}: no attempt ran in a Slurm job, so there is nothing to ask Slurm for")
    command = ["sacct", "--parsable2", "--noheader", f"--format={','.join(FIELDS)}", "--jobs", ",".join(sorted(jobs))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise AccountingError("sacct isn't on this machine; ask on a node of the cluster") from error
    except subprocess.CalledProcessError as error:
        raise AccountingError(f"sacct failed: {error.stderr.strip() or error}; is slurmdbd running?") from error
    found = parsed(done.stdout, jobs)
    write_json(run.accounting, {job: asdict(one) for job, one in found.items()})
    return found


def parsed(text: str, jobs: Iterable[str]) -> dict[str, Accounted]:
    """Return the jobs in what `sacct --parsable2 --noheader` printed with `FIELDS`: memory stands on their steps."""
    rows = [dict(zip(FIELDS, line.split("|"), strict=True)) for line in text.splitlines() if line]
    return {job: _summed([row for row in rows if row["JobIDRaw"].split(".")[0] == job]) for job in sorted(jobs) if
            any(row["JobIDRaw"] == job for row in rows)}  # fmt: skip


def _summed(rows: list[Mapping[str, str]]) -> Accounted:
    whole = next(row for row in rows if "." not in row["JobIDRaw"])
    memory = [found for row in rows if (found := _bytes(row["MaxRSS"])) is not None]
    energy = [float(row["ConsumedEnergyRaw"]) for row in rows if row["ConsumedEnergyRaw"]]
    return Accounted(
        state=whole["State"],
        elapsed_s=float(whole["ElapsedRaw"]) if whole["ElapsedRaw"] else None,
        cpu_s=_seconds(whole["TotalCPU"]),
        max_rss_bytes=max(memory, default=None),
        allocated=whole["AllocTRES"],
        energy_joules=max(energy, default=0.0) or None,
    )


def _bytes(text: str) -> int | None:
    if not text:
        return None
    unit = UNITS.get(text[-1])
    return int(float(text)) if unit is None else int(float(text[:-1]) * unit)


def _seconds(text: str) -> float | None:
    """Return [days-][hours:]minutes:seconds in seconds."""
    if not text:
        return None
    days, _, clock = text.rpartition("-")
    total = 0.0
    for part in clock.split(":"):
        total = 60 * total + float(part)
    return total + 86_400 * float(days or 0)
