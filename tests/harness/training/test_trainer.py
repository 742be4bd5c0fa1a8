"""The trainer: TRL untouched where the strategy is silent, and obeyed where it speaks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from trl import GRPOTrainer

from harness.models import load_model, load_tokenizer
from harness.plan.resolve import Plan
from harness.seeds import stream_seed
from harness.store.atomic import read_lines
from harness.store.paths import CellPaths
from harness.training.private_names import PRIVATE_NAMES
from harness.training.problems import Verifier, problem_pool
from harness.training.setup import trainer_config
from harness.training.trainer import StrategyTrainer
from strategies import Event, Progress, PromptPool, Rollouts, SettingValue, Shaped, State, Strategy
from suites import training_task

Weights = dict[str, Tensor]
Plans = Callable[..., Plan]
Train = Callable[..., StrategyTrainer]


@pytest.mark.parametrize("name", sorted(PRIVATE_NAMES))
def test_trl_still_has_the_private_name(name: str) -> None:
    signature = inspect.signature(getattr(GRPOTrainer, name), eval_str=False)
    names = ", ".join(signature.parameters)
    assert f"({names})" == PRIVATE_NAMES[name], f"TRL changed GRPOTrainer.{name}; mend harness/training/trainer.py"


def weights(trainer: Any) -> Weights:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def bare_trl(plan: Plan, folder: Path) -> Weights:
    cell = next(cell for cell in plan.cells if cell.arm == "grpo")
    task = training_task(plan.task)
    trainer = GRPOTrainer(
        model=load_model(plan.model.folder),
        processing_class=load_tokenizer(plan.model.folder),
        reward_funcs=Verifier(task),
        train_dataset=problem_pool(task, plan.training.pool, stream_seed(cell.seed, "problems")),
        args=trainer_config(plan, cell, folder, {"max_steps": int(plan.budget.amount)}),
    )
    trainer.train()
    return weights(trainer)


def test_grpo_is_trl_untouched(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    plan = make_plan()
    ours = weights(train(plan, tmp_path / "ours"))
    assert same(ours, bare_trl(plan, tmp_path / "bare"))
    assert not same(ours, weights_of_base(plan)), "nothing was trained, so nothing was compared"


def weights_of_base(plan: Plan) -> Weights:
    return dict(load_model(plan.model.folder).state_dict())


@dataclass(frozen=True, kw_only=True)
class Renormalise(Strategy):
    """Shapes nothing, but goes the long way round."""

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        return Shaped(advantages=rollouts.normalise(rollouts.rewards)), state


def test_advantages_made_again_are_trls(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    plan = make_plan()
    assert same(weights(train(plan, tmp_path / "a", Renormalise())), weights(train(plan, tmp_path / "b")))


@dataclass(frozen=True, kw_only=True)
class Silence(Strategy):
    """Gives every token a zero."""

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        return Shaped(advantages=torch.zeros_like(rollouts.mask, dtype=torch.float32)), state


def test_advantages_per_token_reach_the_loss(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    plan = make_plan()
    assert same(weights(train(plan, tmp_path, Silence())), weights_of_base(plan))


@dataclass(frozen=True, kw_only=True)
class Wrong(Strategy):
    """Returns advantages that can't be."""

    value: float = 0.0
    count: int = 3

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        return Shaped(advantages=torch.full((self.count,), self.value)), state


@pytest.mark.parametrize(
    ("strategy", "message"), [(Wrong(), "shape"), (Wrong(value=float("nan"), count=8), "not finite")]
)
def test_impossible_advantages_are_refused(
    make_plan: Plans, train: Train, tmp_path: Path, strategy: Strategy, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        train(make_plan(), tmp_path, strategy)


@dataclass(frozen=True, kw_only=True)
class Favourites(Strategy):
    """Trains on the prompts 7 and 11 only, and remembers what it saw."""

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[Sequence[int] | None, State]:
        seen = [*state.get("seen", []), sorted(pool.mean_rewards)]
        return [7, 11], {**state, "seen": seen}


def test_a_strategy_picks_the_prompts(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    trainer = train(make_plan(), tmp_path, Favourites())
    assert sorted(trainer.mean_rewards) == [7, 11]
    assert trainer.strategy_state["seen"] == [[], [7, 11], [7, 11], [7, 11]]


def test_picking_the_wrong_number_is_refused(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    plan = make_plan(training={"prompts_per_step": 3})
    with pytest.raises(ValueError, match=r"arm 'grpo', at step 0, picked 2 prompts, .*expected 3 indices from 0 to 63"):
        train(plan, tmp_path, Favourites())


@dataclass(frozen=True, kw_only=True)
class Reacting(Strategy):
    """Asks for one event at step 3."""

    event: Any

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        return ([self.event] if progress.step == 3 else []), state


def test_an_optimizer_reset_clears_adam_and_is_logged(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    event = Event(kind="optimizer", cause="because")
    trainer = train(make_plan(), tmp_path, Reacting(event=event))
    steps = {int(state["step"]) for state in trainer.optimizer.state.values()}
    assert steps == {1}, "four steps, cleared after the third"
    logged = [line["events"] for line in read_lines(CellPaths(tmp_path).train)]
    assert [len(events) for events in logged] == [0, 0, 1, 0]
    (event_line,) = logged[2]
    assert event_line.pop("seconds") > 0
    touched = {"parameters": len(trainer.optimizer.state)}
    assert event_line == {"kind": "optimizer", "cause": "because", "step": 3, "detail": touched, "flops": 0}


def test_a_reference_reset_moves_the_reference_only_then(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    plan = make_plan(training={"kl": 0.01})
    still = train(plan, tmp_path / "still")
    assert same(dict(still.ref_model.state_dict()), weights_of_base(plan))
    moved = train(plan, tmp_path / "moved", Reacting(event=Event(kind="reference", cause="because")))
    reference = dict(moved.ref_model.state_dict())
    assert not same(reference, weights_of_base(plan))
    assert not same(reference, weights(moved)), "the policy has taken a step since"


@dataclass(frozen=True, kw_only=True)
class HideTruncated(Strategy):
    """Takes truncated rollouts out of the loss; they were generated all the same."""

    def trainer_settings(self) -> dict[str, SettingValue]:
        return {"mask_truncated_completions": True}


def test_truncated_rollouts_are_paid_for_even_where_the_loss_leaves_them_out(
    make_plan: Plans, train: Train, tmp_path: Path
) -> None:
    plan = make_plan(training={"max_completion_tokens": 20}, budget={"steps": 1}, checkpoints=1)
    train(plan, tmp_path / "plain")
    train(plan, tmp_path / "hidden", HideTruncated())
    plain, hidden = (
        sum(line["generated_tokens"] for line in read_lines(CellPaths(tmp_path / name).ledger))
        for name in ("plain", "hidden")
    )
    assert plain == hidden > 0


def test_the_ledger_counts_real_tokens(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []

    @dataclass(frozen=True, kw_only=True)
    class Counting(Strategy):
        """Counts tokens itself."""

        def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
            prompts = sum(len(text) for text in rollouts.prompts)  # the tokenizer is one of characters
            seen.append((prompts, int(rollouts.mask.sum()), len(rollouts.mask)))
            return None, state

    train(make_plan(), tmp_path, Counting())
    lines = read_lines(CellPaths(tmp_path).ledger)
    for step, (prompts, completions, answers) in enumerate(seen, start=1):
        uses = {line["phase"]: line for line in lines if line["step"] == step and line["part"] == ""}
        assert uses["generate"]["generated_tokens"] == completions
        assert uses["generate"]["forward_tokens"] == prompts + completions - answers, "nobody reads the last"
        assert uses["update"]["backward_tokens"] == prompts + completions
        assert uses["update"]["backward_flops"] == 2 * uses["update"]["forward_flops"]
