"""Signals: what generation saw is what a forward pass sees."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.models import load_model, load_tokenizer, tiny_path
from harness.training.head import HEAD_PASSES, Head, compute_signals
from harness.training.signals import GenerationTap, hidden_by_forward
from strategies.gradient.sensitivity import sequence_features, token_features_by_autograd

PROMPTS = ["C3 4 7 9=24:", "C1 2 3 4=10:", "S31524:"]


class Batch:
    """A small generation, with what the tap saw of it."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model, tokenizer = load_model(tiny_path()), load_tokenizer(tiny_path())
        inputs = tokenizer(PROMPTS, return_tensors="pt", padding=True)
        with torch.no_grad(), GenerationTap(self.model) as tap:
            whole = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=12,
                do_sample=True,
            )
        self.ids = whole[:, inputs["input_ids"].shape[1] :]
        ended = (self.ids == tokenizer.eos_token_id).cumsum(dim=1)
        self.mask = (ended == 0) | ((ended == 1) & (self.ids == tokenizer.eos_token_id))
        self.attention = torch.cat([inputs["attention_mask"], self.mask.long()], dim=1)
        self.whole = whole
        tapped = tap.hidden(self.ids.shape[1])
        assert tapped is not None
        self.hidden = tapped


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Batch()


def test_the_tap_sees_what_a_forward_pass_sees(batch: Batch) -> None:
    forward = hidden_by_forward(batch.model, batch.whole, batch.attention, batch.ids.shape[1], batch_size=2)
    torch.testing.assert_close(batch.hidden[batch.mask], forward[batch.mask], atol=1e-4, rtol=1e-4)


def test_signals_agree_with_the_models_own_logits(batch: Batch) -> None:
    with torch.no_grad():
        logits = batch.model(input_ids=batch.whole, attention_mask=batch.attention).logits
    logp = (logits / 0.7).log_softmax(dim=-1)[:, -batch.ids.shape[1] - 1 : -1]
    head = Head.of(batch.model, temperature=0.7)
    names = frozenset({"logp", "entropy", "hidden", "gradient_features"})
    signals = compute_signals(names, batch.hidden, batch.ids, batch.mask, head)
    chosen = logp.gather(2, batch.ids.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(signals["logp"], chosen * batch.mask, atol=1e-4, rtol=1e-4)
    entropy = -(logp.exp() * logp).sum(dim=-1)
    torch.testing.assert_close(signals["entropy"], entropy * batch.mask, atol=1e-4, rtol=1e-4)


def test_gradient_features_are_the_gradient_at_the_heads_input(batch: Batch) -> None:
    head = Head.of(batch.model, temperature=0.7)
    by_weights = compute_signals(frozenset({"gradient_features"}), batch.hidden, batch.ids, batch.mask, head)[
        "gradient_features"
    ]
    by_autograd = sequence_features(
        batch.hidden,
        batch.ids,
        batch.mask,
        lambda hidden, ids: token_features_by_autograd(hidden, batch.model.lm_head, ids, 0.7),
    )
    torch.testing.assert_close(by_weights, by_autograd, atol=1e-5, rtol=1e-4)
    assert by_weights.norm(dim=1).min() > 0


def test_a_soft_capped_head_goes_through_autograd(batch: Batch) -> None:
    plain = Head.of(batch.model, temperature=1.0)
    capped = Head(linear=plain.linear, softcap=5.0, scale=1.0, temperature=1.0)
    assert plain.plain
    assert not capped.plain
    hidden, ids = batch.hidden[batch.mask][:4], batch.ids[batch.mask][:4]
    found = capped.token_features()(hidden, ids)
    eps = 1e-3
    for column in (0, 5):
        step = torch.zeros_like(hidden)
        step[:, column] = eps
        up, down = (
            capped.logits(x).log_softmax(dim=-1).gather(1, ids.unsqueeze(1)).squeeze(1)
            for x in (hidden + step, hidden - step)
        )
        torch.testing.assert_close(found[:, column], ((up - down) / (2 * eps)).detach(), atol=1e-2, rtol=1e-2)


def test_nothing_tapped_is_told(batch: Batch) -> None:
    with GenerationTap(batch.model) as tap:
        pass
    assert tap.hidden(4) is None


@pytest.mark.parametrize("signal", HEAD_PASSES)
def test_what_a_signal_costs_is_products_with_the_head(batch: Batch, signal: str) -> None:
    head = Head.of(batch.model, 1.0)
    with FlopCounterMode(display=False) as counter:
        compute_signals(frozenset({signal}), batch.hidden, batch.ids, batch.mask, head)
    positions = int(batch.mask.sum()) if signal == "gradient_features" else batch.mask.numel()
    assert counter.get_total_flops() == HEAD_PASSES[signal] * 2 * head.linear.weight.numel() * positions
