"""Watches see every batch of a run, are paid for outside its budget, and change nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from harness.store.paths import CellPaths
from harness.training.trainer import StrategyTrainer
from strategies import build

Plans = Callable[..., Plan]
Train = Callable[..., StrategyTrainer]
OWN = {"watch", "wall_s", "tokens_per_s", "device_seconds"}
ALL = ["diversity", "plateau", "drift", "collapse"]


def without(line: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in names}


def test_a_watched_run_is_the_same_run(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    alone = train(make_plan(watch=[]), tmp_path / "alone")
    seen = train(make_plan(watch=ALL), tmp_path / "seen")
    ours, theirs = (dict(trainer.policy.state_dict()) for trainer in (seen, alone))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    lines = [read_lines(CellPaths(tmp_path / name).train) for name in ("seen", "alone")]
    assert [without(line, OWN) for line in lines[0]] == [without(line, OWN) for line in lines[1]]
    assert [line["watch"] for line in lines[1]] == [{}] * 4
    assert all(line["watch"].keys() == set(ALL) for line in lines[0])
    assert lines[0][0]["flops"] > 0


def test_a_watch_takes_no_cost_off_a_strategy_that_listens_to_the_same(
    make_plan: Plans, train: Train, tmp_path: Path
) -> None:
    listening = build(
        {"with_resets": {"strategy": "grpo", "trigger": "drift", "action": "optimizer", "threshold": 0.0, "most": 1}}
    )
    for name, watch in (("alone", []), ("seen", ["drift"])):
        train(make_plan(watch=watch), tmp_path / name, listening)
    alone, seen = (read_lines(CellPaths(tmp_path / name).train) for name in ("alone", "seen"))
    assert [line["flops"] for line in alone] == [line["flops"] for line in seen]
    assert [line["generated_tokens"] for line in alone] == [line["generated_tokens"] for line in seen]
    (event,) = [event for line in seen for event in line["events"]]
    assert event["cause"].startswith("drift: ")


def test_watches_are_paid_for_outside_the_budget(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    train(make_plan(watch=["diversity", {"drift": {"window_steps": 2}}]), tmp_path)
    ledger = read_lines(CellPaths(tmp_path).ledger)
    watched = [use for use in ledger if use["phase"] == "watch"]
    assert {use["step"] for use in watched} == {1, 2, 3, 4}
    assert all(use["device_seconds"] > 0 for use in watched)
    passes = {step: sum(use["forward_tokens"] for use in watched if use["step"] == step) for step in range(1, 5)}
    assert passes[2] == passes[4] == 0  # the features come from what generation kept, and cost the head alone
    assert passes[1] > passes[3] > 0  # drift: the base model's answers are written once
    assert sum(use["generated_tokens"] for use in watched if use["step"] == 1) > 0
    spent = sum(use["forward_flops"] + use["backward_flops"] for use in ledger if use["phase"] != "watch")
    assert read_lines(CellPaths(tmp_path).train)[-1]["flops"] == spent


def test_what_is_watched_is_what_is_trained_on(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    train(make_plan(watch=["diversity", "collapse"]), tmp_path)
    for line in read_lines(CellPaths(tmp_path).train):
        numbers = line["watch"]["diversity"]["numbers"]
        assert 1 <= numbers["effective_rank"] <= 4
        assert -1 <= numbers["cosine"] <= 1
        assert line["watch"]["collapse"]["numbers"]["entropy"] == line["entropy"]
        assert line["watch"]["collapse"]["numbers"]["zero_variance"] == line["zero_variance_groups"]
