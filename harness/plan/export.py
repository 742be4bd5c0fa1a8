"""The resolved plan as JSON: what reports and later readers see."""

from __future__ import annotations

from typing import Any

from harness.plan.resolve import Plan


def resolved_json(plan: Plan) -> dict[str, Any]:
    """Return every choice of the plan, spelled out, with the hashes of what it rests on."""
    return {
        "name": plan.name,
        "baseline": plan.baseline,
        "model": {"name": plan.model.name, "sha256": plan.model.sha256},
        "task": plan.task,
        "budget": plan.budget.model_dump(),
        "checkpoints": plan.checkpoints,
        "seeds": list(plan.seeds),
        "arms": [{"name": arm.name, "strategy": arm.spec, "family": arm.family} for arm in plan.arms],
        "training": {**plan.training.model_dump(), "max_completion_tokens": plan.max_completion_tokens},
        "evaluation": plan.evaluation.model_dump(),
        "suites": [
            {
                "name": suite.name,
                "version": suite.version,
                "sha256": suite.sha256,
                "skill": suite.skill,
                "description": suite.description,
                "items": len(suite.items),
                "samples": use.samples,
                "primary": use.primary,
                "at": use.at,
                "temperature": plan.evaluation.temperature,
                "max_tokens": suite.max_tokens,
            }
            for use, suite in plan.suites
        ],
        "cells": [{"id": cell.id, "arm": cell.arm, "seed": cell.seed} for cell in plan.cells],
    }
