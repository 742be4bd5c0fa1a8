"""Step lines -> what watches said, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.store.paths import CellPaths
from reports.read.training import counted_lines

if TYPE_CHECKING:
    import pandas as pd

WATCH_COLUMNS = ("cell", "arm", "seed", "step", "watch", "alarm", "name", "number", "because")
"""What one watch said after one step; `number` is the first that it gave, `name` what it calls it."""


def read_watches(cells: Iterable[tuple[str, str, int, CellPaths]]) -> pd.DataFrame:
    """Return one row per watch and step that counts, columns `WATCH_COLUMNS`; a number that is not finite is NaN.

    Args:
        cells: Identifier, arm, seed and files of each cell.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for cell_id, arm, seed, paths in cells:
        for line in counted_lines(paths):
            where = {"cell": cell_id, "arm": arm, "seed": seed, "step": int(line["step"])}
            rows += [{**where, "watch": name, **_said(said)} for name, said in (line.get("watch") or {}).items()]
    return pd.DataFrame(rows, columns=list(WATCH_COLUMNS))


def _said(verdict: Mapping[str, Any]) -> dict[str, Any]:
    name, number = next(iter((verdict.get("numbers") or {}).items()), ("", None))
    return {
        "alarm": bool(verdict.get("alarm", False)),
        "name": str(name),
        "number": float(number) if number is not None and math.isfinite(number) else math.nan,
        "because": str(verdict.get("because") or ""),
    }
