"""Step lines -> training curves, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.store.attempts import is_lost, read_resumes
from harness.store.lines import placed_lines
from harness.store.paths import CellPaths

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


def read_training(cells: Iterable[tuple[str, str, int, CellPaths]]) -> pd.DataFrame:
    """Return one row per step that counts, columns `TRAINING_COLUMNS`; what a line lacks is NaN.

    Args:
        cells: Identifier, arm, seed and files of each cell.
    """
    import pandas as pd

    rows = [
        _numbers({**line, "cell": cell_id, "arm": arm, "seed": seed})
        for cell_id, arm, seed, paths in cells
        for line in counted_lines(paths)
    ]
    return pd.DataFrame(rows, columns=list(TRAINING_COLUMNS))


def counted_lines(paths: CellPaths) -> list[dict[str, Any]]:
    """Return the step lines of a cell in the order of steps, without those that a resume took back."""
    resumes = read_resumes(paths)
    latest: dict[int, dict[str, Any]] = {}
    for line in placed_lines(paths.train):
        attempt, step = int(line["attempt"]), int(line["step"])
        known = latest.get(step)
        if not is_lost(attempt, step, resumes) and (known is None or attempt >= known["attempt"]):
            latest[step] = line
    return [latest[step] for step in sorted(latest)]


def read_events(cells: Iterable[tuple[str, str, int, CellPaths]]) -> list[EventView]:
    """Return what strategies did or noted beside the steps."""
    return [
        _event(arm, seed, line, event)
        for _, arm, seed, paths in cells
        for line in counted_lines(paths)
        for event in line.get("events") or []
    ]


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
