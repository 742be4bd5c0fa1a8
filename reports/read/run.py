"""One run, read whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.store.paths import CellPaths, RunPaths
from harness.store.questions import read_questions
from reports.errors import ReportError
from reports.read.files import CellFile
from reports.read.items import ItemReader
from reports.read.kept import states
from reports.read.plan import BASE_ARM, PlanView, read_plan
from reports.read.spent import UNKNOWN, Spent, SpentAt, spent_at, spent_by_cell
from reports.read.tables import SCORES, read_tables
from reports.read.training import EventView, events_of
from reports.read.tuning import TuningRun, read_tuning

if TYPE_CHECKING:
    import pandas as pd


Place = tuple[str, int, int, str]
"""Arm, seed, checkpoint and suite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellView:
    """Where one cell stands."""

    id: str
    arm: str
    seed: int
    state: str
    """waiting, running, interrupted, failed or done."""
    cause: str | None
    """Why it failed or was interrupted, when known."""
    share: float
    """Of its budget spent, 0..1."""
    fingerprint: Mapping[str, Any] | None
    """Code, libraries and device it ran on; None while it hasn't started."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything a report is made from; what is found in it once is found for all."""

    root: Path
    """Its folder."""
    plan: PlanView
    plan_text: str
    """The plan file as the user gave it."""
    cells: tuple[CellView, ...]
    scores: pd.DataFrame
    """One row per cell, checkpoint and suite; see `reports.read.scores.SCORE_COLUMNS`."""
    items: ItemReader
    """What each item scored, read when it is asked for."""
    training: pd.DataFrame
    """One row per step; see `reports.read.training.TRAINING_COLUMNS`."""
    compute: pd.DataFrame
    """One row per ledger line; see `reports.read.compute.COMPUTE_COLUMNS`."""
    events: tuple[EventView, ...]
    """Resets and notes."""
    watches: pd.DataFrame
    """One row per watch and step; see `reports.read.watches.WATCH_COLUMNS`."""
    diagnostics: pd.DataFrame
    """What strategies said of themselves in numbers; see `reports.read.diagnostics.DIAGNOSTIC_COLUMNS`."""
    cosines: pd.DataFrame
    """One row per histogram; see `reports.read.cosines.COSINE_COLUMNS`."""
    paths: Mapping[str, CellPaths]
    """Files of each cell, by its identifier."""
    tuning: TuningRun | None
    """Trials, which are in none of the above; None if no arm was tuned."""

    def scored(self, arm: str, seed: int, checkpoint: int, suite: str, column: str) -> float | None:
        """Return a number of the scores; at checkpoint 0 that of the untrained model. None where there is no record."""
        place = (BASE_ARM, seed, 0, suite) if checkpoint == 0 else (arm, seed, checkpoint, suite)
        row = self._rows.get(place)
        return None if row is None else self._columns[column][row]

    def questions(self, suite: str) -> dict[str, str]:
        """Return what the items of a suite ask, as far as the run holds it."""
        return read_questions(RunPaths(self.root), suite, self.plan.suite(suite).sha256)

    def compute_of(self, cell: str) -> pd.DataFrame:
        """Return the lines of `compute` of one cell."""
        return self._compute_by_cell.get(cell, self.compute.iloc[:0])

    @cached_property
    def _rows(self) -> Mapping[Place, int]:
        """Of the scores, by place."""
        places = zip(*(self.scores[name].to_list() for name in ("arm", "seed", "checkpoint", "suite")), strict=True)
        return {place: row for row, place in enumerate(places)}

    @cached_property
    def _columns(self) -> Mapping[str, Sequence[float]]:
        """Of the scores, those that are numbers."""
        numbers = self.scores.select_dtypes("number")
        return {str(name): numbers[name].astype(float).to_list() for name in numbers}

    @cached_property
    def _compute_by_cell(self) -> Mapping[str, pd.DataFrame]:
        return {str(cell): lines for cell, lines in self.compute.groupby("cell", sort=False)}

    @cached_property
    def scores_at(self) -> dict[tuple[str, int, str | None, str], dict[int, float]]:
        """What `reports.comparison.scores_at` has found by now, by what it was asked."""
        return {}

    @cached_property
    def spent(self) -> Mapping[str, Spent]:
        """What training of each cell used, by its identifier."""
        return {cell.id: UNKNOWN for cell in self.cells} | spent_by_cell(self.compute)

    @cached_property
    def spent_at(self) -> Mapping[tuple[str, int], SpentAt]:
        """What training of each cell, by arm and seed, had used at each of its evaluated checkpoints."""
        evaluated = {
            (cell.arm, cell.seed): [n for n in range(1, self.plan.checkpoints + 1) if self.has(cell.arm, cell.seed, n)]
            for cell in self.cells
        }
        return spent_at(self.training, evaluated, self.plan.checkpoints)

    @cached_property
    def numbers(self) -> Mapping[str, Sequence[str]]:
        """Names of the numbers that strategies said of themselves, by arm."""
        pairs = self.diagnostics[["arm", "name"]].drop_duplicates()
        return {str(arm): list(rows["name"]) for arm, rows in pairs.groupby("arm", sort=False)}

    @property
    def compute_unit(self) -> str:
        """The unit in which score is set against compute: the budget's, or tokens where there is none."""
        return "generated_tokens" if self.plan.budget_unit == "unknown" else self.plan.budget_unit

    def has(self, arm: str, seed: int, checkpoint: int) -> bool:
        """Return whether a checkpoint was evaluated on all primary suites."""
        return all((arm, seed, checkpoint, suite) in self._rows for suite in self.plan.primary_suites)


def read_run(root: Path) -> Run:
    """Read the folder of a run, finished or not.

    Raises:
        ReportError: If it has no resolved plan or no record yet, or mixes versions of a suite.
    """
    from harness.store.status import read_cells

    paths = RunPaths(root)
    plan = read_plan(paths)
    statuses = read_cells(paths)
    files = [CellFile(status.id, status.arm, status.seed, paths.cell(status.id)) for status in statuses]
    state = states(plan, files)
    tables = read_tables(paths, plan, files, state)
    scores = tables[SCORES]
    if scores.empty:
        raise ReportError(
            f"{root}: no records yet, so there is nothing to report; run `explorebench queue` on the plan "
            "until a first checkpoint has been evaluated"
        )
    return Run(
        root=root,
        plan=plan,
        plan_text=paths.plan.read_text(encoding="utf-8", errors="replace") if paths.plan.is_file() else "",
        cells=tuple(
            CellView(
                id=status.id,
                arm=status.arm,
                seed=status.seed,
                state=status.state,
                cause=status.cause,
                share=status.share,
                fingerprint=_fingerprint(paths.cell(status.id)),
            )
            for status in statuses
        ),
        scores=scores,
        items=ItemReader(paths, plan, {(cell.arm, cell.seed): cell for cell in files}, state),
        training=tables["training"],
        compute=tables["compute"],
        events=events_of(tables["events"]),
        watches=tables["watches"],
        diagnostics=tables["diagnostics"],
        cosines=tables["cosines"],
        paths={cell.id: cell.paths for cell in files},
        tuning=read_tuning(paths, plan),
    )


def _fingerprint(cell: CellPaths) -> Mapping[str, Any] | None:
    if not cell.identity.is_file():
        return None
    try:
        found = json.loads(cell.identity.read_text(encoding="utf-8")).get("fingerprint")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ReportError(
            f"{cell.identity}: can't be read ({type(error).__name__}: {error}); take it away, and a report says that "
            "where the cell ran is unknown"
        ) from error
    return dict(found) if isinstance(found, Mapping) else None
