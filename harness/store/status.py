"""What state each cell of a run is in, judged from its files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.errors import StoreError
from harness.store.atomic import read_last_line
from harness.store.attempts import Attempt, read_attempts, read_last
from harness.store.paths import CellPaths, RunPaths
from harness.store.version import require_readable
from harness.store.wishes import is_to_rest

State = Literal["waiting", "queued", "running", "interrupted", "cancelled", "failed", "done"]
"""Queued is known from a scheduler alone: a job waits to make an attempt."""
PARTS: Mapping[str, Mapping[str, type]] = {
    "cells": {"id": str, "arm": str, "seed": int},
    "arms": {"name": str},
    "suites": {"name": str, "primary": bool},
}
"""What every reader of a resolved plan takes for granted."""
TRAINED = "trained, and not evaluated yet"
RESUMABLE = ("killed", "interrupted")
"""Causes after which a cell is simply gone on with; others are failures until somebody asks for a retry."""
TIMES = {1: "once", 2: "twice"}


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
    job: str | None = None
    """Slurm's number of the job that is about to make an attempt, makes one, or made the last one."""
    requeued: int = 0
    """How often Slurm has started that job again."""

    @property
    def head(self) -> str:
        """The state as a user is told it, without its cause: running at 40%, requeued twice."""
        again = f"requeued {TIMES.get(self.requeued, f'{self.requeued} times')}" if self.requeued else ""
        if self.state == "running":
            return f"running at {self.share:.0%}" + (f", {again}" if again else "")
        return again if self.state == "queued" and again else self.state

    @property
    def words(self) -> str:
        """The state with its cause: failed: out of memory."""
        return f"{self.head}: {self.cause}" if self.cause else self.head


def read_resolved(run: RunPaths) -> dict[str, Any]:
    """Return the resolved plan of a run.

    Raises:
        StoreError: If the folder isn't a run, or its plan is damaged or of another version.
    """
    try:
        resolved = json.loads(run.resolved.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(
            f"{run.root} is not a run: {run.resolved.name} isn't there. Expected a folder made by `explorebench queue`"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(unreadable(run.resolved, error)) from error
    if not isinstance(resolved, dict):
        raise StoreError(unreadable(run.resolved, f"expected an object, got {type(resolved).__name__}"))
    require_readable(resolved, run.resolved)
    for field, kinds in PARTS.items():
        if not _is_list_of(resolved.get(field), kinds):
            raise StoreError(unreadable(run.resolved, f"{field}: expected a list of objects with {', '.join(kinds)}"))
    return resolved


def require_same_format(run: RunPaths) -> None:
    """Refuse to write into a run that another version wrote; a plan that is missing or damaged is written anew.

    Raises:
        StoreError: If its format is another one.
    """
    try:
        resolved = json.loads(run.resolved.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(resolved, dict):
        require_readable(resolved, run.resolved)


def unreadable(path: Path, why: object) -> str:
    """Return what to tell a user whose resolved plan is damaged."""
    return f"{path}: can't be read as a resolved plan ({why}); queue the plan again to write it anew"


def _is_list_of(found: Any, kinds: Mapping[str, type]) -> bool:
    return isinstance(found, list) and all(
        isinstance(one, dict) and all(isinstance(one.get(name), kind) for name, kind in kinds.items()) for one in found
    )


def read_cells(run: RunPaths) -> list[CellStatus]:
    """Return the status of every cell of a run, in the plan's order."""
    return list(_statuses(run, read_resolved(run)["cells"]))


def read_trials(run: RunPaths) -> list[CellStatus]:
    """Return the status of every trial of a run's tuning, in the plan's order; none if nothing is tuned."""
    trials = read_resolved(run).get("trials", [])
    return [replace(status, trial=True) for status in _statuses(run, trials)]


def _statuses(run: RunPaths, cells: Iterable[dict[str, Any]]) -> Iterator[CellStatus]:
    folder = run.cells
    for cell in cells:
        yield cell_status(CellPaths(folder / cell["id"]), cell["id"], cell["arm"], cell["seed"])


def cell_status(paths: CellPaths, cell: str, arm: str, seed: int) -> CellStatus:
    """Return the status of one cell."""
    last, count = read_last(paths)
    state, cause = _judged(paths, last)
    step = _last_step(paths) if last else {}
    trained = state == "done" or cause == TRAINED
    return CellStatus(
        id=cell,
        arm=arm,
        seed=seed,
        state=state,
        cause=cause,
        share=1.0 if trained else share if isinstance(share := step.get("share"), int | float) else 0.0,
        phase=last.phase if last and state == "running" else "",
        attempts=count,
        last_step=step,
        notes=_notes(paths, last, count),
        job=last.job if last else None,
        requeued=last.restart if last else 0,
    )


def _last_step(paths: CellPaths) -> dict[str, Any]:
    try:
        return read_last_line(paths.train)
    except OSError as error:
        raise StoreError(
            f"{paths.train}: can't be read ({error.strerror}); look at its permissions, or take it away"
        ) from error


def _notes(paths: CellPaths, last: Attempt | None, count: int) -> tuple[str, ...]:
    made = read_attempts(paths) if count > 1 else [last] if last else []
    return tuple(note for attempt in made for note in attempt.notes)


def _judged(paths: CellPaths, last: Attempt | None) -> tuple[State, str | None]:
    if last is not None and last.outcome == "done":
        return ("waiting", TRAINED) if last.stage == "train" else ("done", None)
    if last is not None and last.alive(paths):
        return "running", None
    if is_to_rest(paths):
        return "cancelled", None
    return ("waiting", None) if last is None else _ended(last)


def _ended(last: Attempt) -> tuple[State, str | None]:
    if last.outcome is None:
        return "interrupted", "killed: its process is gone"
    cause = f"{last.cause['kind']}: {last.cause['message']}" if last.cause else None
    resumable = last.cause is not None and last.cause["kind"] in RESUMABLE
    return ("failed" if last.outcome == "failed" and not resumable else "interrupted"), cause
