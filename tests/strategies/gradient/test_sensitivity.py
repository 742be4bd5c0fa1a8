"""φ_t = ∂ log p(y_t) / ∂h_t: from the weights, by autograd, and by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from strategies.gradient import sensitivity
from strategies.gradient.sensitivity import (
    sequence_features,
    token_features_by_autograd,
    token_features_from_weights,
)

TOKENS, HIDDEN, VOCABULARY = 7, 5, 13


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


HIDDEN_ND = drawn(TOKENS, HIDDEN, seed=0)
WEIGHT_VD = drawn(VOCABULARY, HIDDEN, seed=1)
BIAS_V = drawn(VOCABULARY, seed=2)
IDS_N = torch.tensor([0, 12, 3, 3, 7, 1, 5])


def log_probability(hidden_ND: Tensor, bias_V: Tensor | None, temperature: float) -> Tensor:
    """Return log p(y) (N,) in double precision."""
    logits_NV = torch.nn.functional.linear(hidden_ND, WEIGHT_VD, bias_V) / temperature
    return logits_NV.log_softmax(dim=-1).gather(1, IDS_N.unsqueeze(1)).squeeze(1)


@pytest.mark.parametrize("bias_V", [None, BIAS_V], ids=["no bias", "bias"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_the_weights_give_what_autograd_gives(bias_V: Tensor | None, temperature: float) -> None:
    head = partial(torch.nn.functional.linear, weight=WEIGHT_VD, bias=bias_V)
    direct = token_features_from_weights(HIDDEN_ND, WEIGHT_VD, bias_V, IDS_N, temperature)
    derived = token_features_by_autograd(HIDDEN_ND, head, IDS_N, temperature)
    assert direct.shape == (TOKENS, HIDDEN)
    torch.testing.assert_close(direct, derived, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("bias_V", [None, BIAS_V], ids=["no bias", "bias"])
@pytest.mark.parametrize("temperature", [0.5, 1.7])
def test_the_weights_give_the_finite_difference(bias_V: Tensor | None, temperature: float) -> None:
    step = 1e-5
    columns = []
    for dimension in range(HIDDEN):
        nudge = torch.zeros(HIDDEN, dtype=torch.float64)
        nudge[dimension] = step
        up = log_probability(HIDDEN_ND + nudge, bias_V, temperature)
        down = log_probability(HIDDEN_ND - nudge, bias_V, temperature)
        columns.append((up - down) / (2 * step))
    direct = token_features_from_weights(HIDDEN_ND, WEIGHT_VD, bias_V, IDS_N, temperature)
    torch.testing.assert_close(direct.double(), torch.stack(columns, dim=1), atol=1e-5, rtol=1e-4)


def test_a_head_that_is_not_linear_goes_by_autograd() -> None:
    def capped(hidden_ND: Tensor) -> Tensor:
        return torch.tanh(hidden_ND @ WEIGHT_VD.T)

    leaf = HIDDEN_ND.clone().requires_grad_(True)
    capped(leaf).log_softmax(dim=-1).gather(1, IDS_N.unsqueeze(1)).sum().backward()  # type: ignore[no-untyped-call]  # torch's stubs
    assert leaf.grad is not None
    found = token_features_by_autograd(HIDDEN_ND, capped, IDS_N, 1.0)
    torch.testing.assert_close(found.double(), leaf.grad, atol=1e-6, rtol=1e-5)


def test_two_equal_tokens_by_hand() -> None:
    # Two tokens, equally likely: E[W] = (1, 1), so the first token's φ is (2, 0) − (1, 1), over the temperature.
    weight_VD = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    found = token_features_from_weights(torch.zeros(1, 2), weight_VD, None, torch.tensor([0]), 0.5)
    assert found.tolist() == [[2.0, -2.0]]


@pytest.mark.parametrize("no_grad", [False, True])
def test_autograd_leaves_nothing_behind(no_grad: bool) -> None:
    weight_VD = WEIGHT_VD.clone().requires_grad_(True)
    hidden_ND = HIDDEN_ND.clone().requires_grad_(True)
    with torch.set_grad_enabled(not no_grad):
        found = token_features_by_autograd(hidden_ND, lambda h: h @ weight_VD.T, IDS_N, 1.0)
    assert not found.requires_grad
    assert hidden_ND.grad is None
    assert weight_VD.grad is None


MASK_BT = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
HIDDEN_BTD = drawn(4, 4, HIDDEN, seed=3).float()
IDS_BT = torch.randint(0, VOCABULARY, (4, 4), generator=torch.Generator().manual_seed(4))


def from_weights(hidden_ND: Tensor, ids_N: Tensor) -> Tensor:
    return token_features_from_weights(hidden_ND, WEIGHT_VD.float(), None, ids_N, 1.0)


def slow_sequence_features(token_features: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    rows = []
    for row in range(MASK_BT.shape[0]):
        kept = [
            token_features(HIDDEN_BTD[row, column : column + 1], IDS_BT[row, column : column + 1])[0]
            for column in range(MASK_BT.shape[1])
            if MASK_BT[row, column]
        ]
        rows.append(torch.stack(kept).mean(dim=0) if kept else torch.zeros(HIDDEN))
    return torch.stack(rows)


@pytest.mark.parametrize("chunk_tokens", [1, 3, 8192])
def test_a_rollouts_feature_is_the_mean_over_its_tokens(chunk_tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "CHUNK_TOKENS", chunk_tokens)
    found = sequence_features(HIDDEN_BTD, IDS_BT, MASK_BT, from_weights)
    torch.testing.assert_close(found, slow_sequence_features(from_weights))
    assert found[2].tolist() == [0.0] * HIDDEN  # a rollout of no tokens


def test_padding_may_hold_anything() -> None:
    garbage_BTD = torch.where(MASK_BT.unsqueeze(-1), HIDDEN_BTD, torch.tensor(float("nan")))
    garbage_BT = torch.where(MASK_BT, IDS_BT, 10**6)  # past the vocabulary
    found = sequence_features(garbage_BTD, garbage_BT, MASK_BT, from_weights)
    assert torch.equal(found, sequence_features(HIDDEN_BTD, IDS_BT, MASK_BT, from_weights))


def test_features_are_float32_whatever_the_model_computes_in() -> None:
    half = partial(token_features_from_weights, weight_VD=WEIGHT_VD.bfloat16(), bias_V=None, temperature=1.0)

    def features(hidden_ND: Tensor, ids_N: Tensor) -> Tensor:
        return half(hidden_ND=hidden_ND, ids_N=ids_N)

    found = sequence_features(HIDDEN_BTD.bfloat16(), IDS_BT, MASK_BT, features)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, slow_sequence_features(from_weights), atol=0.1, rtol=0.1)
