"""Several updates on one batch of rollouts, and token weights that depend on the policy as it then is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from harness.store.paths import CellPaths
from harness.store.seal import read_seal
from harness.training.trainer import StrategyTrainer
from strategies import Rollouts, Shaped, State, Strategy, TokenBatch

Plans = Callable[..., Plan]
Train = Callable[..., StrategyTrainer]
OFF_POLICY = {"prompts_per_step": 4, "minibatches": 2, "epochs": 2}


@dataclass(frozen=True, kw_only=True)
class Watching(Strategy):
    """Appends what each forward pass shows it to a list that outlives the run."""

    seen: list[TokenBatch]
    factor: float | None = None

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        self.seen.append(tokens)
        if self.factor is None:
            return None
        return Shaped(advantages=tokens.advantages * self.factor, diagnostics={"factor": self.factor})


def weights(trainer: StrategyTrainer) -> list[Tensor]:
    return [tensor.clone() for tensor in trainer.model.state_dict().values()]


def test_one_generation_serves_several_updates(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    seen: list[TokenBatch] = []
    plan = make_plan(training=OFF_POLICY, budget={"steps": 8}, checkpoints=2)
    trainer = train(plan, tmp_path, Watching(seen=seen))
    assert (trainer.updates_per_batch, trainer.state.global_step, trainer.supply.handed_out) == (4, 8, 8)
    assert [len(tokens.logp) for tokens in seen] == [8] * 8
    ratios = [float((t.logp - t.old_logp)[t.mask].abs().max()) for t in seen]
    assert max(ratios[0], ratios[4]) < 1e-5, "the first update of a generation is on policy"
    assert min(ratios[1:4]) > 1e-4, "those after it are not"
    lines = read_lines(CellPaths(tmp_path).ledger)
    generated = [line["generated_tokens"] for line in lines if line["phase"] == "generate"]
    assert len(generated) == 2
    trained = sum(line["backward_tokens"] for line in lines)
    read = sum(line["forward_tokens"] for line in lines if line["phase"] == "generate")
    sampled = read + 2 * 16  # the last token of each answer is written and not read
    assert trained == 2 * sampled, "two epochs"
    old = sum(line["forward_tokens"] for line in lines if line["phase"] == "score")
    assert old == sampled, "the pass for the old log-probabilities is on the bill"


def test_checkpoints_fall_between_generations(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    train(make_plan(training=OFF_POLICY, budget={"steps": 12}, checkpoints=2), tmp_path)
    steps = [read_seal(CellPaths(tmp_path).checkpoint(number))["step"] for number in (1, 2)]
    assert steps == [8, 12], "half of the budget is reached in the middle of the second generation"


@dataclass(frozen=True, kw_only=True)
class Clock(Strategy):
    """Remembers the step of each batch."""

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        return None, {"steps": [*state.get("steps", []), rollouts.step]}


def test_a_strategy_counts_in_generations(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    plan = make_plan(training=OFF_POLICY, budget={"steps": 12}, checkpoints=1)
    assert train(plan, tmp_path, Clock()).strategy_state == {"steps": [0, 1, 2]}


def test_weighing_nothing_changes_nothing(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    plan = make_plan()
    plain, watched = train(plan, tmp_path / "a"), train(plan, tmp_path / "b", Watching(seen=[], factor=1.0))
    assert all(torch.equal(a, b) for a, b in zip(weights(plain), weights(watched), strict=True))


def test_weighing_reaches_the_loss_and_the_log(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    plan = make_plan(training={**OFF_POLICY, "epochs": 1}, budget={"steps": 2}, checkpoints=1)
    train(plan, tmp_path / "a", Watching(seen=[], factor=0.0))
    steps = read_lines(CellPaths(tmp_path / "a").train)
    assert [step["grad_norm"] for step in steps] == [0.0, 0.0]
    assert [step["strategy"] for step in steps] == [{"factor": 0.0}] * 2


def test_weights_are_not_kept_for_the_next_pass_over_the_same_rollouts(
    make_plan: Plans, train: Train, tmp_path: Path
) -> None:
    seen: list[TokenBatch] = []
    plan = make_plan(training={"epochs": 2}, budget={"steps": 2}, checkpoints=1)
    train(plan, tmp_path, Watching(seen=seen, factor=0.5))
    first, second = (t.advantages[:, 0].sort().values for t in seen)
    torch.testing.assert_close(first, second)


@dataclass(frozen=True, kw_only=True)
class Doubles(Strategy):
    """Returns advantages of another type."""

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        return Shaped(advantages=tokens.advantages.double())


def test_a_wrong_type_is_stopped_at_the_step_with_the_arm(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    expected = r"arm 'grpo', at step 0, returned advantages of type torch.float64; expected torch.float32"
    with pytest.raises(ValueError, match=expected):
        train(make_plan(), tmp_path, Doubles())
