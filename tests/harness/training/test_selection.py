"""Prompts chosen by gradients, and audits of a signal, with a real model: what they sample and compute is paid for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from harness.store.paths import CellPaths
from harness.training.trainer import StrategyTrainer
from strategies import build

Plans = Callable[..., Plan]
Train = Callable[..., StrategyTrainer]
TRAINING = {"prompts_per_step": 4, "group_size": 4}


def lines(folder: Path, phase: str, part: str) -> list[dict[str, Any]]:
    found = read_lines(CellPaths(folder).ledger)
    return [line for line in found if (line["phase"], line["part"]) == (phase, part)]


@pytest.mark.parametrize("signal", ["sensitivity", "projected_gradient"])
def test_a_choice_by_gradients_is_charged_as_selection(
    signal: str, make_plan: Plans, train: Train, tmp_path: Path
) -> None:
    plan = make_plan(budget={"steps": 2}, checkpoints=1, training=TRAINING)
    settings = {"candidates": 3, "every_batches": 2, "rollouts": 4, "validation_problems": 4, "validation_rollouts": 4}
    trainer = train(plan, tmp_path, build({"grad_align": {**settings, "signal": signal}}))
    # 24 candidates for two batches of four: trained on are eight of them, in the order of the pool.
    visited = list(trainer.mean_rewards)
    assert len(visited) == 8
    assert visited == sorted(visited)
    assert visited != list(range(8)), "a choice that is no choice tests nothing"
    chosen, later = lines(tmp_path, "select", "grpo")  # the second batch takes what the first one chose
    assert (later["generated_tokens"], later["forward_flops"]) == (0, 0.0)
    (first, second) = lines(tmp_path, "generate", "")
    assert chosen["generated_tokens"] > 4 * min(first["generated_tokens"], second["generated_tokens"])
    assert (chosen["backward_tokens"] > 0) == (signal == "projected_gradient")
    assert chosen["device_seconds"] > 0
    spent = read_lines(CellPaths(tmp_path).train)[-1]["generated_tokens"]
    assert spent == sum(line["generated_tokens"] for line in (chosen, first, second))


def test_audits_are_charged_to_their_own_part_and_said_in_the_log(
    make_plan: Plans, train: Train, tmp_path: Path
) -> None:
    plan = make_plan(budget={"steps": 3}, checkpoints=1, training=TRAINING)
    spec = {"strategy": {"g2rl": {"form": "centred"}}, "every_batches": 2, "problems": 4, "rollouts": 6}
    trainer = train(plan, tmp_path, build({"recalibrated": {**spec, "validation_problems": 4}}))
    audits = lines(tmp_path, "select", "grpo/recalibration")
    assert len(audits) == 2
    assert all(audit["generated_tokens"] > 0 and audit["backward_tokens"] > 0 for audit in audits)
    assert sum(line["forward_flops"] for line in lines(tmp_path, "select", "grpo")) == 0, "g2rl selects nothing"
    state = trainer.strategy_state
    assert 0.3 < state["fidelity"] <= 1.0, "the untrained model's Φ does rank its gradients"
    assert state["scale"] == state["fidelity"]
    steps = read_lines(CellPaths(tmp_path).train)
    said = [[(event["kind"], event["cause"].split(" with ")[0]) for event in step["events"]] for step in steps]
    note = ("note", "audit: sensitivity ranks true gradients")
    assert said == [[note], [], [note]]
    assert [step["strategy"]["scale"] > 0 for step in steps] == [True] * 3
