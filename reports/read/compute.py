"""Ledger lines -> compute by phase, with the work that a kill threw away marked as lost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from harness.store.attempts import is_lost, read_resumes
from harness.store.lines import placed_lines
from reports.read.files import CellFile
from reports.read.frames import frame

if TYPE_CHECKING:
    import pandas as pd

PHASES = ("generate", "score", "update", "select", "watch", "evaluate")
"""Every phase of the ledger."""
OUTSIDE = ("watch", "evaluate")
"""Those that count against no budget."""

TUNING = "tuning"
"""Stands for all that the trials of a tuned arm used, where phases are shown; no ledger has it."""

COMPUTE_COLUMNS = (
    "cell", "arm", "seed", "attempt", "step", "phase", "part", "lost",
    "generated_tokens", "forward_tokens", "backward_tokens", "flops", "device_seconds", "peak_memory_bytes",
    "energy_joules",
)  # fmt: skip
"""`flops` is forward and backward together; what the ledger doesn't know is NaN."""


def read_compute(cells: Iterable[CellFile]) -> pd.DataFrame:
    """Return one row per ledger line, columns `COMPUTE_COLUMNS`."""
    rows = []
    for cell in cells:
        resumes = read_resumes(cell.paths)
        for line in placed_lines(cell.paths.ledger):
            attempt, step = int(line["attempt"]), int(line["step"])
            rows.append(
                (
                    cell.id,
                    cell.arm,
                    cell.seed,
                    attempt,
                    step,
                    line["phase"],
                    line.get("part") or "",
                    is_lost(attempt, step, resumes),
                    line.get("generated_tokens"),
                    line.get("forward_tokens"),
                    line.get("backward_tokens"),
                    _known(line.get("forward_flops")) + _known(line.get("backward_flops")),
                    line.get("device_seconds"),
                    line.get("peak_memory_bytes"),
                    line.get("energy_joules"),
                )
            )
    return frame(rows, COMPUTE_COLUMNS)


def total(frame: pd.DataFrame, column: str) -> float:
    """Return the sum of a column of the ledger; NaN (unknown) if any line of it is unknown."""
    return float(frame[column].sum(skipna=False)) if len(frame) else 0.0


def _known(value: Any) -> float:
    return math.nan if value is None else float(value)
