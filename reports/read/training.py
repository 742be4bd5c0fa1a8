"""Step lines -> training curves, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from reports.read.files import CellFile
from reports.read.frames import frame

if TYPE_CHECKING:
    import pandas as pd

NOTE = "note"
"""The kind of an event by which nothing is done to training."""

TRAINING_COLUMNS = (
    "cell", "arm", "seed", "attempt", "step", "share", "generated_tokens", "flops", "device_seconds",
    "reward", "reward_std", "entropy", "kl", "zero_variance_groups", "completion_tokens", "truncated",
)  # fmt: skip
"""One optimizer step; tokens, FLOPs and device-seconds are cumulative over the cell; entropy in nats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventView:
    """Something that a strategy did to training between two steps, or noted there."""

    arm: str
    seed: int
    step: int
    """After which it happened."""
    share: float
    """Of the budget spent by then, 0..1."""
    kind: str
    cause: str
    detail: str
    """What it touched; "" where nothing was written of it."""
    seconds: float
    """Device-seconds that it cost; NaN where unknown."""
    flops: float
    """That it cost; NaN where unknown."""

    @property
    def is_note(self) -> bool:
        """Whether nothing was done."""
        return self.kind == NOTE

    @property
    def words(self) -> str:
        """Cause and detail."""
        return f"{self.cause}; {self.detail}" if self.detail else self.cause


EVENT_COLUMNS = ("cell", *(one.name for one in fields(EventView)))


def read_training(cells: Iterable[CellFile]) -> pd.DataFrame:
    """Return one row per step that counts, columns `TRAINING_COLUMNS`; what a line lacks is NaN."""
    rows = [
        _numbers({**line, "cell": cell.id, "arm": cell.arm, "seed": cell.seed}) for cell in cells for line in cell.steps
    ]
    return frame(rows, TRAINING_COLUMNS)


def read_events(cells: Iterable[CellFile]) -> pd.DataFrame:
    """Return what strategies did or noted beside the steps, columns `EVENT_COLUMNS`."""
    found = [
        {"cell": cell.id, **asdict(_event(cell.arm, cell.seed, line, event))}
        for cell in cells
        for line in cell.steps
        for event in line.get("events") or []
    ]
    return frame(found, EVENT_COLUMNS)


def events_of(table: pd.DataFrame) -> tuple[EventView, ...]:
    """Return the rows of a table of events."""
    rows = table.drop(columns="cell").to_dict("records")
    return tuple(EventView(**{str(name): value for name, value in row.items()}) for row in rows)


def _event(arm: str, seed: int, line: Mapping[str, Any], event: Mapping[str, Any]) -> EventView:
    cost = {name: math.nan if event.get(name) is None else float(event[name]) for name in ("seconds", "flops")}
    detail = event.get("detail") or ""
    if isinstance(detail, Mapping):
        detail = ", ".join(f"{name}={_short(value)}" for name, value in detail.items())
    return EventView(
        arm=arm,
        seed=seed,
        step=int(event.get("step", line["step"])),
        share=math.nan if line.get("share") is None else float(line["share"]),
        kind=str(event.get("kind", "unknown")),
        cause=str(event.get("cause", "unknown")),
        detail=str(detail),
        **cost,
    )


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _numbers(line: Mapping[str, Any]) -> dict[str, Any]:
    missing = {name: math.nan for name in TRAINING_COLUMNS if line.get(name) is None}
    return {name: line[name] for name in TRAINING_COLUMNS if name not in missing} | missing
