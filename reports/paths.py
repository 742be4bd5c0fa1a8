"""Ranked exploration paths: what a strategy preferred at chosen steps, with signal, bonus, reward and text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.store.ranked import read_paths
from reports.blocks import Table
from reports.formatting import Number
from reports.read import Run

HEADER = ("arm", "step", "prompt", "rank", "signal", "bonus", "advantage", "reward", "decision", "answer")
GROUPS = 1
"""Prompts that are shown of each step."""
LONGEST = 400
"""Characters of a text that are shown."""


def path_table(run: Run) -> Table:
    """Return the first, the middle and the last step that was looked at of each arm, in its first seed with paths."""
    rows: list[tuple[str, ...]] = []
    for arm in run.plan.trained_arms:
        for cell in run.cells:
            if cell.arm != arm or not (lines := read_paths(run.paths[cell.id])):
                continue
            steps = list(lines)
            for step in dict.fromkeys((steps[0], steps[len(steps) // 2], steps[-1])):
                rows += _rows(f"{arm}, seed {cell.seed}", step, lines[step])
            break
    return Table(header=HEADER, rows=tuple(rows))


def _rows(arm: str, step: int, line: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            arm,
            Number(str(step), step),
            _short(str(group.get("prompt", ""))),
            Number(str(one["rank"]), one["rank"]),
            *(_number(one.get(name)) for name in ("signal", "bonus", "advantage", "reward")),
            str(one.get("decision") or one.get("filter") or ""),
            _short(str(one.get("text", ""))),
        )
        for group in line.get("groups", [])[:GROUPS]
        for one in group.get("candidates", [])
    ]


def _number(value: Any) -> str:
    return Number(f"{value:.3g}", value) if isinstance(value, int | float) else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
