"""Putting the chosen parameters in their arms, for every process that works on a run."""

from __future__ import annotations

from collections.abc import Collection

from harness.errors import StoreError
from harness.plan.resolve import Plan, load_plan
from harness.plan.trials import PlannedCell, cells_of, settle, trials_of
from harness.store.choices import read_choices, write_choices
from harness.store.paths import RunPaths
from harness.tuning.choice import basis_of, choice_of


def settled(plan: Plan, run: RunPaths) -> Plan:
    """Return `plan` with what `choose` has written into the run's folder; choices of other trials don't count."""
    if plan.tuning is None:
        return plan
    stored = read_choices(run)
    tuned = [arm.name for arm in plan.arms if arm.points and arm.name in stored]
    valid = {name: stored[name].point for name in tuned if stored[name].basis == basis_of(plan, name)}
    return settle(plan, {name: point for name, point in valid.items() if point is not None})


def choose(plan: Plan, run: RunPaths, busy: Collection[str] = ()) -> Plan:
    """Choose wherever all trials are over, write the choices into the run's folder, and return the settled plan.

    Args:
        plan: The plan, settled or not.
        run: Its folder.
        busy: Ids of cells that are about to run; an arm with one of them among its trials waits.

    Raises:
        RecordsError: If a trial's records can't be read.
    """
    if plan.tuning is None:
        return plan
    made = {arm.name: choice_of(plan, arm.name, run, busy) for arm in plan.arms if arm.points}
    choices = {name: choice for name, choice in made.items() if choice is not None}
    if read_choices(run) != choices:
        write_choices(run, choices)
    return settled(plan, run)


def stored_cell(run: RunPaths, cell_id: str) -> PlannedCell:
    """Return a cell of the plan that stands in the run's folder, a trial or one that is compared.

    Raises:
        StoreError: If the plan has no such cell, or it waits for trials.
    """
    plan = settled(load_plan(run.plan), run)
    for planned in (*trials_of(plan), *cells_of(plan)):
        if planned.cell.id == cell_id:
            return planned
    raise StoreError(f"{run.root}: the plan here has no cell {cell_id}; queue the plan again")
