"""A hybrid in real training steps: at the ends it is one of its parts, and in between each keeps its rollouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from harness.store.paths import CellPaths
from harness.training.trainer import StrategyTrainer
from strategies import Rollouts, Shaped, State, Strategy, TokenBatch, build
from strategies.combinators.assignment import By
from strategies.combinators.hybrid import Hybrid

Plans = Callable[..., Plan]
Train = Callable[..., StrategyTrainer]
MODES: tuple[By, ...] = get_args(By)
PARTS: Mapping[str, Any] = {
    "primary": {"g2rl": {"form": "centred"}},
    "hedge": {
        "with_resets": {"strategy": "entropy_advantage", "trigger": "every", "every_steps": 1, "action": "optimizer"}
    },
}
"""Between them they shape, weigh tokens and react."""


@pytest.fixture
def run(make_plan: Plans, train: Train, tmp_path: Path) -> Callable[[Strategy, str], list[Tensor]]:
    """Return a function that trains two steps with a strategy, in a folder of its own, and returns the weights."""
    plan = make_plan(budget={"steps": 2}, checkpoints=1)

    def weights(strategy: Strategy, folder: str) -> list[Tensor]:
        trainer = train(plan, tmp_path / folder, strategy)
        return [tensor.clone() for tensor in trainer.model.state_dict().values()]

    return weights


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_at_the_ends_it_trains_exactly_as_one_part(run: Callable[[Strategy, str], list[Tensor]]) -> None:
    parts = {name: build(spec) for name, spec in PARTS.items()}
    alone = {name: run(part, name) for name, part in parts.items()}
    assert not same(*alone.values())
    for by in MODES:
        for share, name in ((0.0, "primary"), (1.0, "hedge")):
            hybrid = Hybrid(primary=parts["primary"], hedge=parts["hedge"], share=share, by=by)
            assert same(run(hybrid, f"{by} {share}"), alone[name]), (by, share)


@dataclass(frozen=True, kw_only=True)
class Marks(Strategy):
    """Gives its rollouts, and then their tokens, advantages by which they are known again."""

    mark: float
    seen: list[tuple[float, list[int], set[float]]] = field(default_factory=list)
    """For each pass: the mark, the rows that were shown, and their advantages."""

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        return Shaped(advantages=torch.full_like(rollouts.rewards, self.mark)), state

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        self.seen.append((self.mark, tokens.rows.tolist(), set(tokens.advantages.flatten().tolist())))
        return Shaped(advantages=tokens.advantages / 2)


@pytest.mark.parametrize("by", ["rollouts", "groups"])
def test_in_each_of_several_updates_a_part_is_shown_the_rollouts_that_it_shaped(
    by: By, make_plan: Plans, train: Train, tmp_path: Path
) -> None:
    seen: list[tuple[float, list[int], set[float]]] = []
    hybrid = Hybrid(primary=Marks(mark=1, seen=seen), hedge=Marks(mark=-1, seen=seen), share=0.25, by=by)
    training = {"prompts_per_step": 4, "minibatches": 2, "epochs": 2}
    trainer = train(make_plan(training=training, budget={"steps": 8}, checkpoints=1), tmp_path, hybrid)
    assert trainer.updates_per_batch == 4
    assert all(advantages == {mark} for mark, _, advantages in seen)
    hedges = [rows for mark, rows, _ in seen if mark == -1]
    assert len([row for rows in hedges for row in rows]) == 2 * 2 * 4, "a quarter of 16 in each of two batches, twice"
    last = trainer.strategy_state["assigned"].nonzero().flatten().tolist()
    assert sorted({row for rows in hedges[-len(hedges) // 2 :] for row in rows}) == last


def test_the_ledger_and_the_log_keep_the_parts_apart(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    hybrid = Hybrid(primary=build("g2rl"), hedge=build("rnd"), share=0.5, by="rollouts", share_by="annealed")
    train(make_plan(budget={"steps": 2}, checkpoints=1), tmp_path, hybrid)
    lines = read_lines(CellPaths(tmp_path).ledger)
    seconds = {line["part"]: line["device_seconds"] for line in lines if line["phase"] == "score" and line["part"]}
    assert seconds.keys() == {"grpo", "grpo/primary", "grpo/hedge"}
    assert min(seconds.values()) > 0
    first, second = (line["strategy"] for line in read_lines(CellPaths(tmp_path).train))
    assert {name.split("/")[0] for name in first} == {"primary", "hedge", "share", "assigned"}
    assert (first["share"], first["assigned"], second["share"], second["assigned"]) == (0.5, 0.5, 0.25, 0.25)
