"""Step lines -> what strategies said of themselves in numbers, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from harness.store.paths import CellPaths
from reports.read.training import counted_lines

if TYPE_CHECKING:
    import pandas as pd

DIAGNOSTIC_COLUMNS = ("cell", "arm", "seed", "step", "name", "number")
"""One number of one step, by the name that the strategy gives it: novelty, share of a part, kept groups, …"""


def read_diagnostics(cells: Iterable[tuple[str, str, int, CellPaths]]) -> pd.DataFrame:
    """Return one row per number and step that counts, columns `DIAGNOSTIC_COLUMNS`; what isn't finite is NaN.

    Args:
        cells: Identifier, arm, seed and files of each cell.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for cell_id, arm, seed, paths in cells:
        for line in counted_lines(paths):
            where = {"cell": cell_id, "arm": arm, "seed": seed, "step": int(line["step"])}
            for name, number in (line.get("strategy") or {}).items():
                if isinstance(number, int | float):
                    rows.append({**where, "name": str(name), "number": number if math.isfinite(number) else math.nan})
    return pd.DataFrame(rows, columns=list(DIAGNOSTIC_COLUMNS))
