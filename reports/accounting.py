"""Slurm's accounting beside ours: what it counted for each attempt's job."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.store.attempts import read_attempts
from harness.store.paths import RunPaths
from reports import formatting
from reports.blocks import Table
from reports.read import Run
from reports.read.compute import total

TITLE = "Slurm's accounting"
HEADER = (
    "arm", "seed", "attempt", "job", "state", "elapsed (s)", "ours (device-seconds)", "CPU time (s)",
    "memory (MiB)", "energy (kJ)", "allocated",
)  # fmt: skip


def accounting_table(run: Run) -> Table:
    """Return what Slurm counted for each attempt that ran in a job it knows; no rows before it was asked."""
    paths = RunPaths(run.root)
    if not paths.accounting.is_file():
        return Table(header=HEADER, rows=())
    jobs: Mapping[str, Sequence[Mapping[str, Any]]] = json.loads(paths.accounting.read_text(encoding="utf-8"))
    rows = []
    for cell in run.cells:
        lines = run.compute_of(cell.id)
        for attempt in read_attempts(run.paths[cell.id]):
            runs = jobs.get(attempt.job or "", ())
            if attempt.restart >= len(runs):
                continue
            found = runs[attempt.restart]
            ours = total(lines[lines["attempt"] == attempt.attempt], "device_seconds")
            rows.append(
                (
                    cell.arm,
                    f"{cell.seed}",
                    f"{attempt.attempt}",
                    f"{attempt.job}",
                    str(found["state"]),
                    _known(found["elapsed_s"], formatting.seconds),
                    formatting.seconds(ours),
                    _known(found["cpu_s"], formatting.seconds),
                    _known(found["max_rss_bytes"], formatting.memory),
                    _known(found["energy_joules"], formatting.kilojoules),
                    str(found["allocated"]),
                )
            )
    return Table(header=HEADER, rows=tuple(rows))


def _known(value: float | None, shown: Any) -> str:
    return formatting.UNKNOWN if value is None else str(shown(value))
