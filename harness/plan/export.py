"""The resolved plan as JSON: what reports and later readers see."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.plan.arms import Arm
from harness.plan.controls import controlled
from harness.plan.resolve import Plan, training_identity
from harness.plan.schema import SuiteUse
from harness.plan.trials import trials_of
from harness.plan.tuning import Tuning
from harness.store.version import written_here

if TYPE_CHECKING:
    from suites.contract import Suite


def resolved_json(plan: Plan) -> dict[str, Any]:
    """Return every choice of the plan, spelled out, with the hashes of what it rests on."""
    return {
        **written_here(),
        "name": plan.name,
        "baseline": plan.baseline,
        "model": {"name": plan.model.name, "sha256": plan.model.sha256},
        "task": plan.task,
        "budget": plan.budget.model_dump(),
        "checkpoints": plan.checkpoints,
        "seeds": list(plan.seeds),
        "arms": [_arm(arm) for arm in plan.arms],
        "controls": {"on": plan.controls, "left_out": _left_out(plan)},
        "training": {**training_identity(plan.training), "max_completion_tokens": plan.max_completion_tokens},
        # Whose jobs evaluate makes no two runs different.
        "evaluation": plan.evaluation.model_dump(exclude={"separate"}),
        "suites": [_suite(plan, use, suite) for use, suite in plan.suites],
        "verdicts": plan.verdicts.model_dump(),
        "compare_at": plan.compare_at,
        "cells": [{"id": cell.id, "arm": cell.arm, "seed": cell.seed} for cell in plan.cells],
        "watch": {watch.name: asdict(watch) for watch in plan.watches},
        "limits": plan.limits.model_dump(),
        "tuning": None if plan.tuning is None else _tuning(plan, plan.tuning),
        "trials": [{"id": trial.cell.id, "arm": trial.cell.arm, "seed": trial.cell.seed} for trial in trials_of(plan)],
    }


def _arm(arm: Arm) -> dict[str, Any]:
    """Return an arm; of one that waits for its trials, the strategy is not known yet."""
    return {
        "name": arm.name,
        "strategy": None if arm.waiting else arm.spec,
        "family": arm.family,
        "learning_rate": None if arm.waiting or arm.strategy is None else arm.training.learning_rate,
        "at_defaults": arm.at_defaults,
        "control_of": list(arm.control_of),
        "added": arm.added,
    }


def _left_out(plan: Plan) -> list[dict[str, Any]]:
    """Return the controls that belong to the arms of a plan and don't stand in it."""
    if plan.controls:
        return []
    return [
        {"name": arm.name, "control_of": list(arm.control_of)}
        for arm in controlled(plan.arms, plan.training)
        if arm.added
    ]


def _suite(plan: Plan, use: SuiteUse, suite: Suite) -> dict[str, Any]:
    return {
        "name": suite.name,
        "version": suite.version,
        "sha256": suite.sha256,
        "skill": suite.skill,
        "description": suite.description,
        "items": len(suite.items),
        "samples": suite.samples,
        "primary": use.primary,
        "at": use.at,
        "temperature": suite.temperature,
        "max_tokens": suite.max_tokens,
        "terms": suite.terms(),
    }


def _tuning(plan: Plan, tuning: Tuning) -> dict[str, Any]:
    return {
        "suite": _suite(plan, tuning.use, tuning.suite),
        "budget": tuning.budget.model_dump(),
        "seeds": list(tuning.seeds),
        "arms": [
            {
                "name": arm.name,
                "trial_budget": tuning.trial_budget(arm).model_dump(),
                "points": [{"name": point.name, "values": dict(point.values)} for point in arm.points],
            }
            for arm in plan.arms
            if arm.points
        ],
    }
