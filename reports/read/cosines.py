"""Lines of cosines -> how they are spread in each cell, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.store.cosines import BINS, read_cosines
from reports.read.files import CellFile
from reports.read.frames import frame

if TYPE_CHECKING:
    import pandas as pd

COSINE_COLUMNS = ("cell", "arm", "seed", "step", "share", "name", "counts")
"""One histogram: what it is of, at a step, where `share` of the budget was spent; `counts` are its `BINS` bins from −1
to 1, None where what is stored is no histogram."""


def read_spreads(cells: Iterable[CellFile]) -> pd.DataFrame:
    """Return one row per histogram and step that counts, columns `COSINE_COLUMNS`."""
    rows: list[dict[str, Any]] = []
    for cell in cells:
        for step, line in read_cosines(cell.paths).items():
            where = {
                "cell": cell.id,
                "arm": cell.arm,
                "seed": cell.seed,
                "step": step,
                "share": _number(line.get("share")),
            }
            found = line.get("cosines")
            named = found if isinstance(found, Mapping) else {"unknown": found}
            rows += [{**where, "name": str(name), "counts": _counts(counts)} for name, counts in named.items()]
    return frame(rows, COSINE_COLUMNS)


def _counts(found: object) -> tuple[float, ...] | None:
    if not isinstance(found, list) or len(found) != BINS:
        return None
    counts = tuple(_number(one) for one in found)
    return counts if all(one >= 0 for one in counts) else None


def _number(found: object) -> float:
    """Return a finite number; NaN for anything else."""
    known = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return float(found) if known else math.nan  # type: ignore[arg-type]  # known says that it is one
