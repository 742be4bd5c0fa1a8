"""What state each cell of a run is in, judged from its files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.errors import StoreError
from harness.store.atomic import read_last_line
from harness.store.attempts import Attempt, read_attempts
from harness.store.paths import CellPaths, RunPaths

State = Literal["waiting", "running", "interrupted", "failed", "done"]
TRAINED = "trained, and not evaluated yet"
RESUMABLE = ("killed", "interrupted")
"""Causes after which a cell is simply gone on with; others are failures until somebody asks for a retry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellStatus:
    """One row: where a cell stands."""

    id: str
    arm: str
    seed: int
    state: State
    cause: str | None
    share: float
    """Of the budget spent, 0..1."""
    phase: str
    attempts: int
    last_step: dict[str, Any]
    """The newest line of the training log; empty before the first step."""
    notes: tuple[str, ...]
    trial: bool = False
    """Whether the cell only helps to choose an arm's parameters."""


def read_resolved(run: RunPaths) -> dict[str, Any]:
    """Return the resolved plan of a run.

    Raises:
        StoreError: If the folder isn't a run.
    """
    try:
        resolved: dict[str, Any] = json.loads(run.resolved.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(
            f"{run.root} is not a run: {run.resolved.name} isn't there. Expected a folder made by `explorebench queue`"
        ) from error
    return resolved


def read_cells(run: RunPaths) -> list[CellStatus]:
    """Return the status of every cell of a run, in the plan's order."""
    cells = read_resolved(run)["cells"]
    return [cell_status(run.cell(cell["id"]), cell["id"], cell["arm"], cell["seed"]) for cell in cells]


def read_trials(run: RunPaths) -> list[CellStatus]:
    """Return the status of every trial of a run's tuning, in the plan's order; none if nothing is tuned."""
    trials = read_resolved(run).get("trials", [])
    found = [cell_status(run.cell(trial["id"]), trial["id"], trial["arm"], trial["seed"]) for trial in trials]
    return [replace(status, trial=True) for status in found]


def cell_status(paths: CellPaths, cell: str, arm: str, seed: int) -> CellStatus:
    """Return the status of one cell."""
    attempts = read_attempts(paths)
    last = attempts[-1] if attempts else None
    state, cause = _judged(paths, last)
    step = read_last_line(paths.train)
    return CellStatus(
        id=cell,
        arm=arm,
        seed=seed,
        state=state,
        cause=cause,
        share=1.0 if state == "done" else float(step.get("share", 0.0)),
        phase=last.phase if last and state == "running" else "",
        attempts=len(attempts),
        last_step=step,
        notes=tuple(note for attempt in attempts for note in attempt.notes),
    )


def _judged(paths: CellPaths, last: Attempt | None) -> tuple[State, str | None]:
    if last is None:
        return "waiting", None
    if last.outcome == "done":
        return ("waiting", TRAINED) if last.stage == "train" else ("done", None)
    cause = f"{last.cause['kind']}: {last.cause['message']}" if last.cause else None
    if last.outcome == "failed":
        resumable = last.cause is not None and last.cause["kind"] in RESUMABLE
        return ("interrupted" if resumable else "failed"), cause
    if last.outcome == "interrupted":
        return "interrupted", cause
    if last.alive(paths):
        return "running", None
    return "interrupted", "killed: its process is gone"
