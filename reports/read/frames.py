"""Rows -> a frame whose columns have the same types, whatever stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TEXTS = ("cell", "arm", "suite", "phase", "part", "watch", "name", "because", "kind", "cause", "detail")
WHOLE = ("seed", "attempt", "step", "checkpoint", "items", "samples", "k")
FLAGS = ("lost", "alarm")
LISTS = ("counts",)
"""Columns of each type, of whatever table; all others are numbers, NaN where unknown."""


def frame(rows: Iterable[Sequence[Any] | Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows as a frame, with or without rows.

    Args:
        rows: Values in the order of the columns, or by their names.
        columns: Names.
    """
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns)).astype({name: _type_of(name) for name in columns})


def _type_of(column: str) -> str:
    if column in TEXTS:
        return "str"
    if column in WHOLE:
        return "int64"
    if column in LISTS:
        return "object"
    return "bool" if column in FLAGS else "float64"
