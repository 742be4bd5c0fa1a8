"""The folder of a run, and what is to be done in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal

from harness.evaluation.todo import missing
from harness.plan.cells import Cell
from harness.plan.export import resolved_json
from harness.plan.resolve import Plan
from harness.plan.trials import PlannedCell
from harness.store.atomic import write_json, write_text
from harness.store.paths import RunPaths
from harness.store.questions import write_questions
from harness.store.status import cell_status, require_same_format
from harness.store.wishes import Wish, read_wish

Need = Literal["done", "run", "running", "failed", "cancelled"]


def prepare(plan: Plan, run: RunPaths) -> None:
    """Write the plan, as given and as resolved, into the run's folder.

    Raises:
        StoreError: If another version of the code wrote the run that is there.
    """
    require_same_format(run)
    write_text(run.plan, plan.source.text)
    write_json(run.resolved, resolved_json(plan))
    for _, suite in plan.suites:
        write_questions(run, suite.name, suite.sha256, {item.id: item.prompt for item in suite.items})


def need_of(plan: Plan, cell: Cell, run: RunPaths, *, retry_failed: bool) -> Need:
    """Return what a cell needs: nothing, an attempt, patience, rest, or somebody to look at why it failed."""
    paths = run.cell(cell.id)
    status = cell_status(paths, cell.id, cell.arm, cell.seed)
    if status.state == "running":
        return "running"
    if status.state == "done" and not missing(plan, cell, paths):
        return "done"
    if status.state == "cancelled":
        return "cancelled"
    if status.state == "failed" and read_wish(paths) == Wish("retry", status.attempts):
        return "run"
    return "failed" if status.state == "failed" and not retry_failed else "run"


def to_run(planned: Iterable[PlannedCell], run: RunPaths, *, retry_failed: bool) -> list[PlannedCell]:
    """Return those of the cells that need an attempt, in their order."""
    return [one for one in planned if need_of(*one, run, retry_failed=retry_failed) == "run"]


def ranks_of(run: RunPaths, cell: Cell) -> int | None:
    """Return how many processes train a cell together that has begun; None for one that has not."""
    try:
        facts = json.loads(run.cell(cell.id).identity.read_text(encoding="utf-8"))
        return int(facts["fingerprint"]["ranks"])
    except (OSError, ValueError, KeyError):
        return None


def threads_of(run: RunPaths, cell: Cell, fair_share: int) -> int:
    """Return the threads for a cell: those that it started with, since another number rounds differently."""
    try:
        facts = json.loads(run.cell(cell.id).identity.read_text(encoding="utf-8"))
        return int(facts["fingerprint"]["threads"])
    except (OSError, ValueError, KeyError):
        return fair_share
