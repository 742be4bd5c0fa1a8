"""What is said of tuned arms that have no cells of their own yet."""

from __future__ import annotations

from collections import Counter

from harness.plan.arms import Arm
from harness.plan.resolve import Plan
from harness.plan.trials import trial_plan
from harness.store.paths import RunPaths
from harness.store.status import cell_status


def waiting_lines(plan: Plan, run: RunPaths) -> list[str]:
    """Return a line for each arm whose cells can't be run, with what they wait for."""
    return [_line(plan, arm, run) for arm in plan.arms if arm.waiting]


def _line(plan: Plan, arm: Arm, run: RunPaths) -> str:
    cells = "1 cell" if len(plan.seeds) == 1 else f"{len(plan.seeds)} cells"
    trials = trial_plan(plan, arm.name).cells
    states = Counter(cell_status(run.cell(cell.id), cell.id, cell.arm, cell.seed).state for cell in trials)
    if states["failed"] == len(trials):
        return f"{arm.name}: all {len(trials)} trials failed, so no parameters are chosen and nothing is run ({cells})"
    over = states["done"] + states["failed"]
    return f"{arm.name}: {cells} not run yet, parameters not chosen: {over} of {len(trials)} trials are over"
