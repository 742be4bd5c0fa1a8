"""What each item scored, as a table that is kept: one file in the place of one for each record."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.store.paths import RunPaths
from reports.read.kept import keep_table, kept_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ITEMS = "items"
Record = tuple[str, int, str]
"""Cell, checkpoint and suite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemScores:
    """One checkpoint on one suite, item by item, in the order of the suite."""

    names: tuple[str, ...]
    scores: NDArray[np.float64]
    """Shape (n,): the share of right answers, or what the suite's aggregation makes of them; 0..1."""
    correct: NDArray[np.int64]
    """Right answers, shape (n,)."""
    samples: int
    """Answers drawn per item, K."""
    counted: bool
    """Whether `scores` is `correct` by `samples`."""


def kept_items(
    run: RunPaths, state: Mapping[str, str], one_of: Callable[[tuple[str, ...]], tuple[str, ...]]
) -> dict[Record, ItemScores]:
    """Return the items of all records of cells that haven't changed since they were kept.

    Args:
        run: Whose they are.
        state: Of each cell today, as `reports.read.kept.states` has it.
        one_of: Returns the one tuple for all names that are equal.
    """
    found = kept_table(run, ITEMS, state)
    if found.table.empty:
        return {}
    rows = found.table[found.table["cell"].isin(found.cells)]
    names = [one_of(tuple(json.loads(text))) for text in rows["names"].cat.categories]
    columns = (rows[name] for name in ("cell", "checkpoint", "suite", "scores", "correct", "samples", "counted"))
    return {
        (cell, checkpoint, suite): ItemScores(
            names=names[code], scores=scores, correct=correct, samples=samples, counted=counted
        )
        for code, cell, checkpoint, suite, scores, correct, samples, counted in zip(
            rows["names"].cat.codes, *columns, strict=True
        )
    }


def keep_items(run: RunPaths, items: Mapping[Record, ItemScores], state: Mapping[str, str]) -> None:
    """Keep the items of some records for the next time."""
    import pandas as pd

    texts = {names: json.dumps(names) for names in {one.names for one in items.values()}}
    table = pd.DataFrame(
        {
            "cell": [cell for cell, _, _ in items],
            "checkpoint": [checkpoint for _, checkpoint, _ in items],
            "suite": [suite for _, _, suite in items],
            "names": pd.Categorical([texts[one.names] for one in items.values()]),
            "scores": [one.scores for one in items.values()],
            "correct": [one.correct for one in items.values()],
            "samples": [one.samples for one in items.values()],
            "counted": [one.counted for one in items.values()],
        }
    )
    keep_table(run, ITEMS, table, state)
