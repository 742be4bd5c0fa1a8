"""Arms that the model, the task or the suites of a plan don't fit are refused where they stand in the file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import harness.plan.run as run_module
from harness.errors import PlanError
from harness.models.resolve import tiny_path
from harness.plan.resolve import load_plan
from suites import training_task

PlanMaker = Callable[..., Path]


def problems_of(path: Path) -> list[str]:
    with pytest.raises(PlanError) as raised:
        load_plan(path)
    return raised.value.problems


def test_a_projection_on_a_quantised_model(write_plan: PlanMaker, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_path(), tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "gptq"}}))
    arms: list[Any] = ["grpo", {"g2rl": {"signal": "projected_gradient"}}]
    (problem,) = problems_of(write_plan(model=str(model), arms=arms))
    assert "plan.yaml, line 4: arms[1]: projected_gradient:body:" in problem
    assert "are quantised (gptq)" in problem
    assert load_plan(write_plan(model=str(model), arms=["grpo", "g2rl"])).arms[-1].name == "g2rl"


def test_a_strategy_must_not_look_at_what_is_reported(write_plan: PlanMaker) -> None:
    arms: list[Any] = ["grpo", {"grad_align": {"suite": "sorting"}}]
    (problem,) = problems_of(write_plan(arms=arms, training={"pool": 512}))
    assert "suite sorting is one that the plan reports" in problem
    arms = ["grpo", {"grad_align": {"suite": "sortin"}}]
    (problem,) = problems_of(write_plan(arms=arms, training={"pool": 512}))
    assert "suite must be one of" in problem


def test_prefixes_of_a_task_that_has_none(write_plan: PlanMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    arms: list[Any] = ["grpo", {"with_resets": {"strategy": "grpo", "trigger": "every", "action": "state"}}]
    assert len(load_plan(write_plan(arms=arms)).arms) == 3
    whole = replace(training_task("countdown"), prefixes=False)
    monkeypatch.setattr(run_module, "training_task", lambda name: whole)
    (problem,) = problems_of(write_plan(arms=arms))
    assert "action state lets rollouts go on from a part of an answer" in problem
    assert "'countdown' can't" in problem


@pytest.mark.parametrize(
    ("watch", "says"),
    [
        (["diversty"], "watch[0]: no watch named 'diversty'. Did you mean 'diversity'? Known: collapse, diversity"),
        (["plateau", 3], "watch[1]: expected a watch's name, or one name with its parameters; got 3"),
        ([{"drift": {"treshold": 1}}], "watch[0]: drift: no parameter named 'treshold'. Did you mean 'threshold'?"),
        ([{"drift": {"threshold": -1.0}}], "watch[0]: drift: threshold must be"),
        (["drift", {"drift": {}}], "watch[1]: drift stands in the list twice; leave one out"),
        ([{"diversity": {"threshold": 9.0}}], "watch[0]: threshold 9 is above 4, the most directions"),
    ],
)
def test_a_watch_that_cannot_be(write_plan: PlanMaker, watch: list[Any], says: str) -> None:
    (problem,) = problems_of(write_plan(watch=watch))
    assert says in problem
    assert "plan.yaml, line " in problem


def test_watches_are_no_part_of_what_a_cell_is(write_plan: PlanMaker) -> None:
    fields: list[dict[str, Any]] = [{}, {"watch": []}, {"watch": ["drift"]}]
    plans = [load_plan(write_plan(**changes)) for changes in fields]
    assert [[watch.name for watch in plan.watches] for plan in plans] == [
        ["diversity", "plateau", "collapse"],
        [],
        ["drift"],
    ]
    assert len({tuple(cell.id for cell in plan.cells) for plan in plans}) == 1
