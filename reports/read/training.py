"""Step lines -> training curves, without the steps that a resume took back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.store.atomic import read_lines
from harness.store.attempts import is_lost, read_resumes
from harness.store.paths import CellPaths

if TYPE_CHECKING:
    import pandas as pd

TRAINING_COLUMNS = (
    "cell", "arm", "seed", "attempt", "step", "share", "generated_tokens", "flops", "device_seconds",
    "reward", "reward_std", "entropy", "kl", "zero_variance_groups", "completion_tokens", "truncated",
)  # fmt: skip
"""One optimizer step; tokens, FLOPs and device-seconds are cumulative over the cell; entropy in nats."""


def read_training(cells: Iterable[tuple[str, str, int, CellPaths]]) -> pd.DataFrame:
    """Return one row per step that counts, columns `TRAINING_COLUMNS`; what a line lacks is NaN.

    Args:
        cells: Identifier, arm, seed and files of each cell.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for cell_id, arm, seed, paths in cells:
        resumes = read_resumes(paths)
        latest: dict[int, dict[str, Any]] = {}
        for line in read_lines(paths.train):
            attempt, step = int(line["attempt"]), int(line["step"])
            known = latest.get(step)
            if not is_lost(attempt, step, resumes) and (known is None or attempt >= known["attempt"]):
                latest[step] = {**line, "cell": cell_id, "arm": arm, "seed": seed}
        rows += [_numbers(latest[step]) for step in sorted(latest)]
    return pd.DataFrame(rows, columns=list(TRAINING_COLUMNS))


def read_events(cells: Iterable[tuple[str, str, int, CellPaths]]) -> list[dict[str, Any]]:
    """Return what strategies did to training beside the steps (resets, ...): arm, seed, step, kind, cause."""
    events = []
    for _, arm, seed, paths in cells:
        resumes = read_resumes(paths)
        for line in read_lines(paths.train):
            if is_lost(int(line["attempt"]), int(line["step"]), resumes):
                continue
            for event in line.get("events") or []:
                kind, cause = str(event.get("kind", "unknown")), str(event.get("cause", "unknown"))
                step = int(event.get("step", line["step"]))
                events.append({"arm": arm, "seed": seed, "step": step, "kind": kind, "cause": cause})
    return events


def _numbers(line: Mapping[str, Any]) -> dict[str, Any]:
    missing = {name: math.nan for name in TRAINING_COLUMNS if line.get(name) is None}
    return {name: line[name] for name in TRAINING_COLUMNS if name not in missing} | missing
