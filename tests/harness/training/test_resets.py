"""Each event does to a trainer what it says, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, GPTNeoXConfig, Qwen3Config

from harness.models import load_model
from harness.models.facts import model_facts
from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from harness.store.paths import CellPaths
from harness.training.dormant import activity, mlps, restart
from harness.training.gradients import Sequences
from harness.training.resets import apply
from harness.training.trainer import StrategyTrainer
from strategies import Event, Progress, State, Strategy

Plans = Callable[..., Plan]
Train = Callable[..., StrategyTrainer]


@dataclass(frozen=True, kw_only=True)
class Asking(Strategy):
    """Asks for one event after the last of four steps."""

    event: Any

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        return ([self.event] if progress.step == 4 else []), state


@pytest.fixture
def trained(make_plan: Plans, train: Train, tmp_path: Path) -> StrategyTrainer:
    """Return a trainer that has taken four steps."""
    return train(make_plan(training={"learning_rate": 1e-2}), tmp_path)


def snapshot(trainer: StrategyTrainer) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in trainer.policy.named_parameters()}


def moments(trainer: StrategyTrainer) -> dict[str, dict[str, Tensor]]:
    return {
        name: {key: value.clone() for key, value in trainer.optimizer.state[weight].items()}
        for name, weight in trainer.policy.named_parameters()
    }


def test_shrinking_goes_part_of_the_way_back(trained: StrategyTrainer) -> None:
    before, origin = snapshot(trained), dict(load_model("tiny").named_parameters())
    detail = apply(Event(kind="shrink", cause="c", amounts={"eta": 0.25}), trained)
    way = torch.cat([(origin[name].detach() - before[name]).double().flatten() for name in before])
    for name, weight in trained.policy.named_parameters():
        torch.testing.assert_close(weight, 0.75 * before[name] + 0.25 * origin[name])
    assert detail["moved"] == pytest.approx(0.25 * float(way.norm()), rel=1e-4)
    assert detail["moved"] > 0


def test_shrinking_by_nothing_and_by_all(trained: StrategyTrainer) -> None:
    before = snapshot(trained)
    assert apply(Event(kind="shrink", cause="c", amounts={"eta": 0.0}), trained) == {"moved": 0.0}
    assert all(torch.equal(weight, before[name]) for name, weight in trained.policy.named_parameters())
    apply(Event(kind="shrink", cause="c", amounts={"eta": 1.0}), trained)
    origin = dict(load_model("tiny").named_parameters())
    assert all(torch.equal(weight, origin[name]) for name, weight in trained.policy.named_parameters())


def test_a_note_and_the_restarts_touch_nothing(trained: StrategyTrainer) -> None:
    before, remembered = snapshot(trained), moments(trained)
    for kind in ("note", "state", "novelty"):
        assert apply(Event(kind=kind, cause="c"), trained) == {}
    assert all(torch.equal(weight, before[name]) for name, weight in trained.policy.named_parameters())
    now = moments(trained)
    assert all(torch.equal(now[name][key], value) for name, one in remembered.items() for key, value in one.items())


def test_dormant_neurons_start_anew_and_are_forgotten(trained: StrategyTrainer) -> None:
    before, remembered = snapshot(trained), moments(trained)
    blocks = mlps(trained.policy)
    assert trained.latest is not None
    scores = activity(trained.policy, blocks, trained.latest.sequences, 4)
    tau = float(torch.cat(scores).quantile(0.1))
    detail = apply(Event(kind="dormant", cause="c", amounts={"tau": tau}), trained)
    dormant = [score <= tau for score in scores]
    assert detail == {"neurons": sum(int(one.sum()) for one in dormant), "of": 4 * 288}
    assert detail["neurons"] > 0
    now, after = snapshot(trained), moments(trained)
    for number, chosen in enumerate(dormant):
        for layer, dim in (("gate_proj", 0), ("up_proj", 0), ("down_proj", 1)):
            name = f"model.layers.{number}.mlp.{layer}.weight"
            new, old = (one[name].movedim(dim, 0) for one in (now, before))
            assert torch.equal(new[~chosen], old[~chosen])
            assert (new[chosen] == 0).all() if layer == "down_proj" else not torch.equal(new[chosen], old[chosen])
            for moment in ("exp_avg", "exp_avg_sq"):
                new, old = (one[name][moment].movedim(dim, 0) for one in (after, remembered))
                assert (new[chosen] == 0).all()
                assert torch.equal(new[~chosen], old[~chosen])
            assert torch.equal(after[name]["step"], remembered[name]["step"])
    others = [name for name in before if ".mlp." not in name]
    assert all(torch.equal(now[name], before[name]) for name in others)


def test_an_event_is_logged_with_its_cost_and_paid_for(make_plan: Plans, train: Train, tmp_path: Path) -> None:
    event = Event(kind="dormant", cause="because", amounts={"tau": 0.3})
    train(make_plan(watch=[]), tmp_path, Asking(event=event))
    lines = read_lines(CellPaths(tmp_path).train)
    assert [len(line["events"]) for line in lines] == [0, 0, 0, 1]
    (logged,) = lines[-1]["events"]
    assert (logged["kind"], logged["cause"], logged["step"]) == ("dormant", "because", 4)
    assert logged["detail"]["of"] == 4 * 288
    assert logged["seconds"] > 0
    assert logged["flops"] > 0
    uses = [use for use in read_lines(CellPaths(tmp_path).ledger) if use["step"] == 4 and use["part"] == "grpo"]
    assert sum(use["forward_flops"] for use in uses) == logged["flops"]
    assert lines[-1]["flops"] - lines[-2]["flops"] > logged["flops"]


def neuron_model(kind: str) -> Any:
    sizes: dict[str, Any] = {
        "vocab_size": 13,
        "hidden_size": 8,
        "intermediate_size": 6,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    qwen = Qwen3Config(**sizes, num_key_value_heads=1, head_dim=4)
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(qwen if kind == "qwen3" else GPTNeoXConfig(**sizes)).eval()


@pytest.mark.parametrize("kind", ["qwen3", "gpt-neox"])
def test_activity_counts_the_tokens_that_are_there(kind: str) -> None:
    model, ids = neuron_model(kind), torch.tensor([[0, 0, 3, 4, 5], [6, 7, 8, 9, 0]])
    attention = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 0]])
    sequences = Sequences(ids=ids, attention=attention, mask=attention[:, 2:].bool())
    blocks = mlps(model)
    scores = activity(model, blocks, sequences, batch_size=1)
    seen: list[Tensor] = []
    last = blocks[-1].outgoing.register_forward_pre_hook(lambda module, args: seen.append(args[0][0].abs()))
    with torch.no_grad():
        for row in range(2):
            model(input_ids=ids[row, attention[row].bool()].unsqueeze(0))
    last.remove()
    mean = torch.cat(seen).mean(dim=0)
    torch.testing.assert_close(scores[-1], mean / mean.mean(), rtol=1e-4, atol=1e-5)
    assert [len(score) for score in scores] == [6, 6]


def test_a_restart_by_hand() -> None:
    model = neuron_model("gpt-neox")
    block = mlps(model)[0]
    (incoming,), before = block.incoming, copy.deepcopy(block)
    dormant = torch.tensor([False, True, False, False, True, False])
    state: dict[Tensor, dict[str, Tensor]] = {
        incoming.weight: {"exp_avg": torch.ones(6, 8), "exp_avg_sq": torch.ones(6, 8), "step": torch.tensor(3.0)},
    }
    restart(block, dormant, 0.5, torch.Generator().manual_seed(2), state)
    drawn = 0.5 * torch.randn(2, 8, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(incoming.weight[dormant], drawn)
    assert torch.equal(incoming.weight[~dormant], before.incoming[0].weight[~dormant])
    assert (incoming.bias[dormant] == 0).all()
    assert (block.outgoing.weight[:, dormant] == 0).all()
    assert torch.equal(block.outgoing.weight[:, ~dormant], before.outgoing.weight[:, ~dormant])
    assert state[incoming.weight]["exp_avg"].sum() == 4 * 8
    assert state[incoming.weight]["step"] == 3


def test_facts_count_the_blocks_that_a_restart_reaches() -> None:
    assert model_facts("tiny").mlps == len(mlps(load_model("tiny"))) == 4
