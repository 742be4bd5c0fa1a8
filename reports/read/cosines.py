"""Lines of cosines -> how they are spread in each cell, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.store.cosines import BINS, read_cosines
from harness.store.paths import CellPaths

if TYPE_CHECKING:
    import pandas as pd

COSINE_COLUMNS = ("cell", "arm", "seed", "step", "share", "name", "counts")
"""One histogram: what it is of, at a step, where `share` of the budget was spent; `counts` are its `BINS` bins from −1
to 1, None where what is stored is no histogram."""


def read_spreads(cells: Iterable[tuple[str, str, int, CellPaths]]) -> pd.DataFrame:
    """Return one row per histogram and step that counts, columns `COSINE_COLUMNS`.

    Args:
        cells: Identifier, arm, seed and files of each cell.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for cell_id, arm, seed, paths in cells:
        for step, line in read_cosines(paths).items():
            where = {"cell": cell_id, "arm": arm, "seed": seed, "step": step, "share": _number(line.get("share"))}
            found = line.get("cosines")
            named = found if isinstance(found, Mapping) else {"unknown": found}
            rows += [{**where, "name": str(name), "counts": _counts(counts)} for name, counts in named.items()]
    return pd.DataFrame(rows, columns=list(COSINE_COLUMNS))


def _counts(found: object) -> tuple[float, ...] | None:
    if not isinstance(found, list) or len(found) != BINS:
        return None
    counts = tuple(_number(one) for one in found)
    return counts if all(one >= 0 for one in counts) else None


def _number(found: object) -> float:
    """Return a finite number; NaN for anything else."""
    known = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return float(found) if known else math.nan  # type: ignore[arg-type]  # known says that it is one
