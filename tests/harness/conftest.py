"""Small plans on the shipped model: seconds a cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.plan.resolve import Plan, load_plan

PlanMaker = Callable[..., Path]


@pytest.fixture
def write_plan(tmp_path: Path) -> PlanMaker:
    """Write a plan file; keywords replace its fields, and those of `training` are added to what is there."""

    def write(**changes: Any) -> Path:
        training = {"prompts_per_step": 2, "group_size": 4, "pool": 64, **changes.pop("training", {})}
        plan: dict[str, Any] = {
            "name": "small",
            "arms": ["grpo"],
            "controls": False,
            "baseline": "grpo",
            "seeds": [0],
            "intervals": False,
            "budget": {"steps": 4},
            "checkpoints": 2,
            "training": training,
            "suites": [{"sorting": {"samples": 1}}],
            **changes,
        }
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(plan, sort_keys=False))
        return path

    return write


@pytest.fixture
def make_plan(write_plan: PlanMaker) -> Callable[..., Plan]:
    """Write a plan as `write_plan` does, and resolve it."""
    return lambda **changes: load_plan(write_plan(**changes))
