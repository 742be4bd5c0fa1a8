"""How an attempt ended that was killed before it could say so: what Slurm's accounting makes of its job."""

from __future__ import annotations

from harness.errors import CauseKind
from harness.store.attempts import Attempt, Cause, Outcome
from harness.store.lease import GONE
from slurm.accounting import Accounted, AccountingError, asked, run_of

KINDS: dict[str, tuple[Outcome, CauseKind]] = {
    "OUT_OF_MEMORY": ("failed", "out of memory"),
    "TIMEOUT": ("interrupted", "time limit"),
    "DEADLINE": ("interrupted", "time limit"),
    "PREEMPTED": ("interrupted", "preempted"),
    "REQUEUED": ("interrupted", "requeued"),
    "NODE_FAIL": ("interrupted", "node failure"),
    "BOOT_FAIL": ("interrupted", "node failure"),
    "CANCELLED": ("interrupted", "cancelled"),
}
"""By the first word of Slurm's state."""
KILL = "9"


def diagnose(attempt: Attempt) -> tuple[Outcome, Cause]:
    """Return how a killed attempt ended; Slurm is asked about its job, and may not know."""
    if attempt.job is None:
        return GONE
    try:
        found = run_of(attempt, asked([attempt.job]))
    except (AccountingError, OSError):
        found = None
    return (found and ended(found, attempt.job)) or GONE


def ended(found: Accounted, job: str) -> tuple[Outcome, Cause] | None:
    """Return what Slurm's state means for a job that ended without a word; None while it goes on.

    Without cgroups Slurm kills a job that takes more memory than it asked for, and calls that FAILED with 9:0.
    """
    if not found.over:
        return None
    state = found.state.split(" ")[0]
    outcome, kind = KINDS.get(state, ("interrupted", "killed"))
    said = f"Slurm says {state}, exit code {found.exit_code}"
    if kind == "killed" and KILL in found.exit_code.split(":") and _over_its_memory(found):
        outcome, kind = "failed", "out of memory"
    if kind == "out of memory" and found.max_rss_bytes and found.asked_bytes:
        said = f"{_mib(found.max_rss_bytes)} of the {_mib(found.asked_bytes)} asked for ({said})"
    return outcome, {"kind": kind, "message": f"{said}, job {job}"}


def _over_its_memory(found: Accounted) -> bool:
    return bool(found.max_rss_bytes and found.asked_bytes and found.max_rss_bytes >= found.asked_bytes)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
