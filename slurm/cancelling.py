"""Cancelling the jobs of cells: ours, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from harness.store.paths import RunPaths
from harness.store.status import CellStatus, read_resolved
from slurm.commands import ask
from slurm.states import read_queue
from slurm.submitted import read_submitted


def cancel_jobs(run: RunPaths, cells: Sequence[CellStatus]) -> list[str]:
    """Cancel the jobs of cells that wait or run, and return their names. A number that is another's job is left alone.

    Raises:
        SlurmError: If Slurm can't be asked.
    """
    wanted = {cell.id for cell in cells}
    sent = [one for one in read_submitted(run) if one.cell in wanted]
    if not sent:
        return []
    queue = read_queue({one.job for one in sent}, str(read_resolved(run)["name"]))
    names = sorted({one.name for one in sent if one.name in queue})
    if names:
        ask("scancel", *names)
    return names
