"""Step lines -> what watches said, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from reports.read.files import CellFile
from reports.read.frames import frame

if TYPE_CHECKING:
    import pandas as pd

WATCH_COLUMNS = ("cell", "arm", "seed", "step", "watch", "alarm", "name", "number", "because")
"""What one watch said after one step; `number` is the first that it gave, `name` what it calls it."""


def read_watches(cells: Iterable[CellFile]) -> pd.DataFrame:
    """Return one row per watch and step that counts, columns `WATCH_COLUMNS`; a number that is not finite is NaN."""
    rows: list[dict[str, Any]] = []
    for cell in cells:
        for line in cell.steps:
            where = {"cell": cell.id, "arm": cell.arm, "seed": cell.seed, "step": int(line["step"])}
            rows += [{**where, "watch": name, **_said(said)} for name, said in (line.get("watch") or {}).items()]
    return frame(rows, WATCH_COLUMNS)


def _said(verdict: Mapping[str, Any]) -> dict[str, Any]:
    name, number = next(iter((verdict.get("numbers") or {}).items()), ("", None))
    return {
        "alarm": bool(verdict.get("alarm", False)),
        "name": str(name),
        "number": float(number) if number is not None and math.isfinite(number) else math.nan,
        "because": str(verdict.get("because") or ""),
    }
