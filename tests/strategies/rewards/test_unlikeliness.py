"""Unlikeliness: ranks by likelihood per token, and what they take off the rewards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from strategies import Rollouts, Shaped
from strategies.rewards.unlikeliness import Unlikeliness

BatchFactory = Callable[..., Rollouts]

# Mean log-probabilities −2, −1, −3, −0.5 over 2, 4, 1 and 4 tokens: ranks 1, 2, 0, 3. (By their sums, −4, −4, −3, −2,
# the third would be the third likeliest.)
LOGP = [[-1.0, -3.0, 9.0, 9.0], [-1.0, -1.0, -1.0, -1.0], [-3.0, 9.0, 9.0, 9.0], [-0.5, -0.5, -0.5, -0.5]]
LENGTHS = (2, 4, 1, 4)


def shape(batch: Rollouts, penalty: float = 0.25) -> Shaped:
    shaped, _ = Unlikeliness(penalty=penalty).shape(batch, {})
    assert shaped is not None
    return shaped


def test_a_group_of_four(make_batch: BatchFactory) -> None:
    shaped = shape(make_batch((1, 1, 0, 1), logp=LOGP, lengths=LENGTHS, scale="none"))
    # R' = 1 − 0.25·1/4, 1 − 0.25·2/4, 0, 1 − 0.25·3/4 = 0.9375, 0.875, 0, 0.8125; their mean is 0.65625.
    torch.testing.assert_close(shaped.advantages, torch.tensor([0.28125, 0.21875, -0.65625, 0.15625]))
    assert shaped.diagnostics["penalty"] == pytest.approx((0.0625 + 0.125 + 0.1875) / 4)
    assert shaped.diagnostics["mean_logp"] == pytest.approx(-6.5 / 4)


def test_it_is_standardised_like_any_reward(make_batch: BatchFactory) -> None:
    batch = make_batch((1, 1, 0, 1), logp=LOGP, lengths=LENGTHS)
    expected = batch.normalise(torch.tensor([0.9375, 0.875, 0, 0.8125]))
    torch.testing.assert_close(shape(batch).advantages, expected)


def test_wrong_answers_keep_their_reward(make_batch: BatchFactory) -> None:
    shaped = shape(make_batch((0, 0, 0, 0), logp=LOGP, lengths=LENGTHS, scale="none"))
    assert shaped.advantages.tolist() == [0, 0, 0, 0]


def test_equal_likelihoods_keep_the_order_of_the_rows(make_batch: BatchFactory) -> None:
    shaped = shape(make_batch((1, 1, 1, 1), logp=[[-1.0]] * 4, lengths=(1, 1, 1, 1), scale="none"), penalty=1.0)
    torch.testing.assert_close(shaped.advantages, torch.tensor([0.375, 0.125, -0.125, -0.375]))


def test_ranks_are_of_the_group(make_batch: BatchFactory) -> None:
    rows = [*LOGP, *[[value - 10 for value in row] for row in LOGP]]
    shaped = shape(make_batch((1, 1, 0, 1) * 2, logp=rows, lengths=LENGTHS * 2))
    torch.testing.assert_close(shaped.advantages[:4], shaped.advantages[4:])
