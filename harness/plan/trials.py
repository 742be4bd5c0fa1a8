"""Trials, the cells that try the points of a grid, each under a plan of its own; and plans with points chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from harness.plan.arms import Arm
from harness.plan.cells import Cell
from harness.plan.resolve import Plan, with_cells


class PlannedCell(NamedTuple):
    """A cell, and the plan that it is trained and evaluated under."""

    plan: Plan
    cell: Cell


def trial_plan(plan: Plan, arm: str) -> Plan:
    """Return the plan of an arm's trials: its arms are the points of the grid, its only suite the validation suite.

    A trial has one checkpoint, at the end of its share of the tuning budget.

    Raises:
        ValueError: If the arm has no grid.
    """
    tuned = plan.arm(arm)
    if plan.tuning is None or not tuned.points:
        raise ValueError(f"the arm {arm!r} has no grid, so it has no trials")
    trials = replace(
        plan,
        arms=tuned.points,
        controls=False,
        seeds=plan.tuning.seeds,
        budget=plan.tuning.trial_budget(tuned),
        checkpoints=1,
        suites=((plan.tuning.use, plan.tuning.suite),),
        tuning=None,
    )
    return with_cells(trials)


def settle(plan: Plan, points: Mapping[str, int]) -> Plan:
    """Return `plan` with the given points, by arm, in place of the grids; other tuned arms wait."""
    arms = tuple(_settled(arm, points.get(arm.name)) if arm.points else arm for arm in plan.arms)
    return with_cells(replace(plan, arms=arms))


def assumed(plan: Plan) -> Plan:
    """Return `plan` as if every arm that waits had chosen its first point: for what doesn't hang on the choice."""
    return settle(plan, {arm.name: 0 for arm in plan.arms if arm.points})


def trials_of(plan: Plan) -> list[PlannedCell]:
    """Return the trials of all tuned arms, arm by arm, each point with all its seeds before the next."""
    plans = [trial_plan(plan, arm.name) for arm in plan.arms if arm.points]
    return [PlannedCell(one, cell) for one in plans for cell in one.cells]


def cells_of(plan: Plan) -> list[PlannedCell]:
    """Return the cells that are compared, those of waiting arms left out: base first, then all arms of each seed."""
    order = {arm.name: number for number, arm in enumerate(plan.arms)}
    cells = sorted(plan.cells, key=lambda cell: (order[cell.arm] > 0, cell.seed, order[cell.arm]))
    return [PlannedCell(plan, cell) for cell in cells]


def _settled(arm: Arm, point: int | None) -> Arm:
    return arm.settled(point) if point is not None else replace(arm, strategy=None, spec={}, values={})
