"""Ledger lines -> compute by phase, with the work that a kill threw away marked as lost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from harness.store.attempts import is_lost, read_resumes
from harness.store.lines import placed_lines
from harness.store.paths import CellPaths

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


def read_compute(cells: Iterable[tuple[str, str, int, CellPaths]]) -> pd.DataFrame:
    """Return one row per ledger line, columns `COMPUTE_COLUMNS`.

    Args:
        cells: Identifier, arm, seed and files of each cell.
    """
    import pandas as pd

    rows = []
    for cell_id, arm, seed, paths in cells:
        resumes = read_resumes(paths)
        for line in placed_lines(paths.ledger):
            attempt, step = int(line["attempt"]), int(line["step"])
            rows.append(
                {
                    "cell": cell_id,
                    "arm": arm,
                    "seed": seed,
                    "attempt": attempt,
                    "step": step,
                    "phase": line["phase"],
                    "part": line.get("part") or "",
                    "lost": is_lost(attempt, step, resumes),
                    "generated_tokens": _known(line.get("generated_tokens")),
                    "forward_tokens": _known(line.get("forward_tokens")),
                    "backward_tokens": _known(line.get("backward_tokens")),
                    "flops": _known(line.get("forward_flops")) + _known(line.get("backward_flops")),
                    "device_seconds": _known(line.get("device_seconds")),
                    "peak_memory_bytes": _known(line.get("peak_memory_bytes")),
                    "energy_joules": _known(line.get("energy_joules")),
                }
            )
    return pd.DataFrame(rows, columns=list(COMPUTE_COLUMNS))


def total(frame: pd.DataFrame, column: str) -> float:
    """Return the sum of a column of the ledger; NaN (unknown) if any line of it is unknown."""
    return float(frame[column].sum(skipna=False)) if len(frame) else 0.0


def _known(value: Any) -> float:
    return math.nan if value is None else float(value)
