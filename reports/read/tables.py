"""All cells of a run as tables; those that have not changed since the last look are not read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from harness.store.paths import RunPaths
from reports.read.compute import read_compute
from reports.read.cosines import read_spreads
from reports.read.diagnostics import read_diagnostics
from reports.read.files import CellFile
from reports.read.kept import keep_table, kept_table
from reports.read.plan import PlanView
from reports.read.scores import read_scores
from reports.read.training import read_events, read_training
from reports.read.watches import read_watches
from reports.side_by_side import side_by_side

if TYPE_CHECKING:
    import pandas as pd

Tables = dict[str, "pd.DataFrame"]

LOGS: Mapping[str, Callable[[Sequence[CellFile]], pd.DataFrame]] = {
    "training": read_training,
    "compute": read_compute,
    "events": read_events,
    "watches": read_watches,
    "diagnostics": read_diagnostics,
    "cosines": read_spreads,
}
"""Every table that is made of a cell's logs; each has a column `cell`."""
SCORES = "scores"
AT_A_TIME = 8
"""Cells that are held in memory as they are read."""


def read_tables(run: RunPaths, plan: PlanView, cells: Sequence[CellFile], state: Mapping[str, str]) -> Tables:
    """Return the table of scores and those of `LOGS`, rows in the order of the cells.

    Args:
        run: Whose they are.
        plan: Of the run.
        cells: All of them.
        state: Of each cell, as `reports.read.kept.states` has it.

    Raises:
        ReportError: If a record was made with other items than the plan's, or can't be read.
    """
    import pandas as pd

    kept = {name: kept_table(run, name, state) for name in (SCORES, *LOGS)}
    known = set.intersection(*(set(found.cells) for found in kept.values()))
    changed = [cell for cell in cells if cell.id not in known]
    chunks = [changed[first : first + AT_A_TIME] for first in range(0, len(changed), AT_A_TIME)]
    read = side_by_side(partial(_read, plan), chunks)
    order = {cell.id: place for place, cell in enumerate(cells)}
    tables: Tables = {}
    for name, found in kept.items():
        parts = [*([found.table[found.table["cell"].isin(known)]] if known else []), *(one[name] for one in read)]
        whole = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
        places, ids = pd.factorize(whole["cell"])
        rows = pd.Series([order[cell] for cell in ids], dtype="int64").to_numpy()[places].argsort(kind="stable")
        tables[name] = whole.take(rows).reset_index(drop=True)
        if changed:
            keep_table(run, name, tables[name], state)
    return tables


def _read(plan: PlanView, cells: Sequence[CellFile]) -> Tables:
    return {SCORES: read_scores(plan, cells), **{name: read(cells) for name, read in LOGS.items()}}
