"""Step lines -> what strategies said of themselves in numbers, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reports.read.files import CellFile
from reports.read.frames import frame

if TYPE_CHECKING:
    import pandas as pd

DIAGNOSTIC_COLUMNS = ("cell", "arm", "seed", "step", "name", "number")
"""One number of one step, by the name that the strategy gives it: novelty, share of a part, kept groups, …"""


def read_diagnostics(cells: Iterable[CellFile]) -> pd.DataFrame:
    """Return one row per number and step that counts, columns `DIAGNOSTIC_COLUMNS`; what isn't finite is NaN."""
    rows: list[dict[str, Any]] = []
    for cell in cells:
        for line in cell.steps:
            where = {"cell": cell.id, "arm": cell.arm, "seed": cell.seed, "step": int(line["step"])}
            for name, number in (line.get("strategy") or {}).items():
                if isinstance(number, int | float):
                    rows.append({**where, "name": str(name), "number": number if math.isfinite(number) else math.nan})
    return frame(rows, DIAGNOSTIC_COLUMNS)
