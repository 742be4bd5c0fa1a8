"""The forward KL from the base model: against the definition, token by token."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from harness.ledger.flops import shape_of
from harness.models import load_model, load_tokenizer
from harness.training.drift import BaseDrift, forward_kl
from harness.training.gradients import Sequences
from harness.training.meter import StepMeter

PROMPTS = ["3 4 = 7\n", "1 2 3 = 6\n"]


def moved(model: Any, scale: float) -> Any:
    other = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(scale * torch.randn(weight.shape, generator=generator))
    return other


def drift_of(policy: Any, meter: StepMeter | None = None) -> BaseDrift:
    return BaseDrift(
        folder="tiny",
        tokenizer=load_tokenizer("tiny"),
        prompts=PROMPTS,
        seed=5,
        max_tokens=12,
        temperature=0.7,
        policy=lambda: policy,
        meter=meter or StepMeter(shape=shape_of(policy)),
        batch_size=2,
    )


def slow_kl(base: Any, policy: Any, answers: Sequences, temperature: float) -> float:
    """Return the same, one sequence at a time without padding, from the models' own logits."""
    total, count = 0.0, 0
    for row in range(len(answers.ids)):
        ids = answers.ids[row, answers.attention[row].bool()].unsqueeze(0)
        tokens = int(answers.mask[row].sum())
        with torch.no_grad():
            logits = [model(input_ids=ids).logits[0, -tokens - 1 : -1] / temperature for model in (base, policy)]
        p, q = (one.double().softmax(dim=-1) for one in logits)
        total += float((p * (p / q).log()).sum())
        count += tokens
    return total / count


def test_it_is_the_mean_of_the_tokens_full_kl() -> None:
    base = load_model("tiny")
    policy = moved(base, 0.02)
    drift = drift_of(policy)
    drift.meter.start()
    value = drift("watch", "")
    assert drift._answers is not None
    assert value == pytest.approx(slow_kl(base, policy, drift._answers, 0.7), rel=1e-4)
    assert value > 0.001
    lengths = drift._answers.mask.sum(dim=1).tolist()
    assert forward_kl(base, base, drift._answers, 0.7, 1) == 0
    assert all(1 <= length <= 12 for length in lengths)


def test_a_resumed_run_measures_on_the_same_answers_and_draws_nothing() -> None:
    policy = moved(load_model("tiny"), 0.02).train()
    state = torch.get_rng_state()
    drifts = [drift_of(policy), drift_of(policy)]
    for drift in drifts:
        drift.meter.start()
    first, again, other = drifts[0]("watch", ""), drifts[0]("watch", ""), drifts[1]("watch", "")
    assert first == again == other
    assert torch.equal(torch.get_rng_state(), state)
    assert policy.training


def test_the_one_who_asks_pays() -> None:
    policy = load_model("tiny")
    drift = drift_of(policy)
    drift.meter.start("watch")
    drift("score", "resets")
    uses = {(use.phase, use.part): use for use in drift.meter.finish(1)}
    paid = uses["score", "resets"]
    assert drift._answers is not None
    tokens = int(drift._answers.attention.sum())
    assert paid.generated_tokens == int(drift._answers.mask.sum())
    # Written once, when the last token of each answer is not read, and read by both models.
    assert paid.forward_tokens == 3 * tokens - len(drift._answers.mask)
    assert uses["watch", ""].forward_flops == 0
