"""Ranked exploration paths as they are stored: those of a cell, and those that a reader asks for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.store.attempts import is_lost, read_resumes
from harness.store.lines import placed_lines
from harness.store.paths import CellPaths, RunPaths
from harness.store.status import read_resolved

UNTRAINED = "base"
"""The name of the arm that is evaluated and never trained."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """The ranked paths of one step of a cell."""

    arm: str
    seed: int
    steps: tuple[int, ...]
    """All that were looked at."""
    line: Mapping[str, Any]
    """As it is stored: attempt, step, share of the budget spent before it, groups_in_batch, groups."""

    @property
    def step(self) -> int:
        """Whose paths they are."""
        return int(self.line["step"])


def read_paths(paths: CellPaths) -> dict[int, Mapping[str, Any]]:
    """Return the lines of a cell's ranked paths by step, in order, without those that a resume took back."""
    return lines_by_step(paths, paths.paths)


def lines_by_step(paths: CellPaths, file: Path) -> dict[int, Mapping[str, Any]]:
    """Return the lines of one of a cell's files by step, in order, without those that a resume took back."""
    resumes = read_resumes(paths)
    latest: dict[int, Mapping[str, Any]] = {}
    for line in placed_lines(file):
        attempt, step = int(line["attempt"]), int(line["step"])
        if not is_lost(attempt, step, resumes) and attempt >= latest.get(step, line)["attempt"]:
            latest[step] = line
    return {step: latest[step] for step in sorted(latest)}


def find_ranked(run: RunPaths, *, arm: str | None, seed: int | None, step: int | None) -> Ranked:
    """Return the ranked paths that a reader asks for.

    Args:
        run: The run.
        arm: Name; None for the first with paths that is neither the baseline nor a control, or the first with paths.
        seed: None for the first with paths.
        step: The last one at or before it is returned; None for the last of all.

    Raises:
        StoreError: If there is no such run, arm, seed or step, or nothing has been ranked yet.
    """
    resolved = read_resolved(run)
    trained = [str(one["name"]) for one in resolved["arms"] if one["name"] != UNTRAINED]
    if arm is not None and arm not in trained:
        raise StoreError(_no_such_arm(arm, trained))
    cells = {(str(cell["arm"]), int(cell["seed"])): run.cell(cell["id"]) for cell in resolved["cells"]}
    asked = [key for name in _in_turn(resolved, trained, arm) for key in cells if key[0] == name]
    if seed is not None:
        asked = _of_seed(asked, seed)
    for key in asked:
        lines = read_paths(cells[key])
        if lines:
            return Ranked(arm=key[0], seed=key[1], steps=tuple(lines), line=lines[_at_or_before(lines, step)])
    of = f" of the arm {arm!r}" if arm else ""
    of += f" with seed {seed}" if seed is not None else ""
    raise StoreError(
        f"{run.root}: no ranked paths{of} yet: a cell writes them from its first step on; see `explorebench status`"
    )


def _no_such_arm(arm: str, trained: list[str]) -> str:
    known = ", ".join(trained)
    if arm == UNTRAINED:
        return f"the arm {arm!r} is not trained, so it has no paths; choose one of: {known}"
    near = difflib.get_close_matches(arm, trained, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"no arm named {arm!r}.{hint} Known: {known}"


def _in_turn(resolved: Mapping[str, Any], trained: list[str], arm: str | None) -> list[str]:
    """Return the arms to look at: the one that is asked for, or all, the baseline and controls last."""
    if arm is not None:
        return [arm]
    controls = {str(one["name"]) for one in resolved["arms"] if one.get("control_of")}
    return sorted(trained, key=lambda name: name in controls or name == resolved["baseline"])


def _of_seed(asked: list[tuple[str, int]], seed: int) -> list[tuple[str, int]]:
    found = [key for key in asked if key[1] == seed]
    if asked and not found:
        known = ", ".join(str(one) for one in dict.fromkeys(one for _, one in asked))
        raise StoreError(f"no cell has the seed {seed}; there are: {known}")
    return found


def _at_or_before(lines: Mapping[int, Any], step: int | None) -> int:
    reached = [at for at in lines if step is None or at <= step]
    if not reached:
        raise StoreError(f"no step at or before {step} was looked at; there are: {', '.join(map(str, lines))}")
    return reached[-1]
