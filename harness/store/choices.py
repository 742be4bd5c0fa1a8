"""What the trials of a run have chosen, as the runner writes it and everybody else reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.store.atomic import write_json
from harness.store.paths import RunPaths

SCORE_DIGITS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredChoice:
    """What the trials of one arm have shown, all of them being over."""

    basis: str
    """Hash of which trials these were and of how they were evaluated."""
    point: int | None
    """Place of the chosen point in the grid; None when every trial failed."""
    values: Mapping[str, Any] | None
    """Of the grid's parameters, at the chosen point."""
    scores: tuple[float | None, ...]
    """Of each point, mean avg@K over its finished trials; None if it has none. Nothing is chosen by them again."""
    finished: tuple[int, ...]
    """Finished trials of each point."""
    trials: int
    """Of the arm, finished or failed."""


def read_choices(run: RunPaths) -> dict[str, StoredChoice]:
    """Return the choices by arm; none before they are made, or where they can't be read: they can be made again."""
    try:
        stored = json.loads(run.tuning.read_text(encoding="utf-8"))["arms"]
        return {arm: _choice(fields) for arm, fields in stored.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_choices(run: RunPaths, choices: Mapping[str, StoredChoice]) -> None:
    """Replace the choices of a run."""
    write_json(run.tuning, {"arms": {arm: asdict(choice) for arm, choice in choices.items()}})


def _choice(fields: Mapping[str, Any]) -> StoredChoice:
    return StoredChoice(**{**fields, "scores": tuple(fields["scores"]), "finished": tuple(fields["finished"])})
