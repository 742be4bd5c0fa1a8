"""LoRA: what is trained, what a checkpoint holds, what a merge changes, and signals of adapters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor

from harness.models import load_model
from harness.plan.resolve import Plan
from harness.plan.schema import Lora
from harness.store.paths import CellPaths
from harness.training.adapters import ADAPTERS_FILE, BASE_FILE, PEFT_FILES, lora_config, merge_and_restart, merged_state
from harness.training.gradients import Projection, Sequences, exact_gradients, linear_layers, projected_gradients
from harness.training.resets import apply
from harness.training.trainer import StrategyTrainer
from strategies import Event

Plans = Callable[..., Plan]
Train = Callable[..., StrategyTrainer]
LORA: dict[str, Any] = {"learning_rate": 1e-2, "lora": {"rank": 2}}
IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


@pytest.fixture
def trained(make_plan: Plans, train: Train, tmp_path: Path) -> StrategyTrainer:
    """Return a trainer whose adapters have taken four steps; its files are in `tmp_path`."""
    return train(make_plan(training=LORA), tmp_path)


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        made: Tensor = model.eval()(input_ids=IDS).logits
    return made


def test_adapters_learn_and_the_weights_under_them_stay(trained: StrategyTrainer) -> None:
    origin = load_model("tiny").state_dict()
    for name, weight in trained.policy.state_dict().items():
        if "lora_" not in name:
            assert torch.equal(weight, origin[name.replace(".base_layer.", ".")])
    learned = [weight for name, weight in trained.policy.named_parameters() if "lora_B" in name]
    assert len(learned) == 4 * 7
    assert any(weight.any() for weight in learned)
    assert not torch.equal(logits(trained.policy), logits(load_model("tiny")))


def test_a_checkpoint_is_the_merged_model(trained: StrategyTrainer, tmp_path: Path) -> None:
    folder = CellPaths(tmp_path).checkpoint(2)
    assert (folder / ADAPTERS_FILE).exists()
    assert not (folder / BASE_FILE).exists()
    assert not any((folder / name).exists() for name in PEFT_FILES)
    merged = load_model(folder)
    torch.testing.assert_close(logits(merged), logits(trained.policy), rtol=1e-4, atol=1e-5)
    assert merged.state_dict().keys() == load_model("tiny").state_dict().keys()


def test_a_merge_changes_no_output_and_starts_anew(trained: StrategyTrainer) -> None:
    before, state = logits(trained.policy), torch.get_rng_state()
    merged = merged_state(trained.policy)
    detail = apply(Event(kind="lora", cause="c"), trained)
    torch.testing.assert_close(logits(trained.policy), before, rtol=1e-4, atol=1e-5)
    assert torch.equal(torch.get_rng_state(), state)
    assert detail["layers"] == 4 * 7
    assert detail["merged"] > 0
    assert len(trained.optimizer.state) == 0
    now = trained.policy.state_dict()
    assert not any(weight.any() for name, weight in now.items() if "lora_B" in name)
    for name, weight in merged.items():
        assert torch.equal(now.get(name, now.get(name.replace(".weight", ".base_layer.weight"))), weight)


def test_a_second_merge_has_nothing_to_merge(trained: StrategyTrainer) -> None:
    merge_and_restart(trained)
    assert merge_and_restart(trained)["merged"] == 0


def test_shrinking_shrinks_what_the_adapters_add(trained: StrategyTrainer) -> None:
    before, origin = merged_state(trained.policy), load_model("tiny").state_dict()
    apply(Event(kind="shrink", cause="c", amounts={"eta": 0.25}), trained)
    for name, weight in merged_state(trained.policy).items():
        torch.testing.assert_close(weight, 0.75 * before[name] + 0.25 * origin[name], rtol=1e-4, atol=1e-6)


def test_the_gradient_of_adapters_is_that_of_what_is_trained() -> None:
    torch.manual_seed(0)
    model = get_peft_model(load_model("tiny"), lora_config(Lora(rank=2))).get_base_model()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.add_(0.05 * torch.randn_like(weight))
    layers = linear_layers(model, "body")
    assert len(layers) == 2 * 4 * 7
    assert all("lora_" in name for name in layers)
    mask = torch.ones(1, 4, dtype=torch.bool)
    exact = exact_gradients(model, IDS, torch.ones_like(IDS), mask, 1.0, "body")
    model.zero_grad()
    out = model(input_ids=IDS).logits[0, 1:-1].log_softmax(dim=-1)
    out.gather(1, IDS[0, 2:].unsqueeze(1)).mean().backward()
    grads = [model.get_parameter(f"{name}.weight").grad for name in layers]
    slow = torch.cat([grad.flatten() for grad in grads if grad is not None])
    torch.testing.assert_close(exact[0], slow, rtol=1e-4, atol=1e-6)
    whole = Sequences(ids=IDS, attention=torch.ones_like(IDS), mask=mask)
    projected = projected_gradients(model, whole, Projection("body", 10**5), temperature=1.0, batch_size=1)
    torch.testing.assert_close(projected.norm(), slow.norm(), rtol=1e-4, atol=1e-6)
