"""CDE's actor bonus: its bound, its two readings of the reward, and its staircase."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from strategies import Rollouts, Shaped
from strategies.rewards.curiosity import Curiosity

BatchFactory = Callable[..., Rollouts]

# Surprise per token 0.1 (over two tokens) and 2 (over one).
LOGP, LENGTHS = [[-0.15, -0.05], [-2.0, 9.0]], (2, 1)


def shape(one: Curiosity, batch: Rollouts) -> Shaped:
    shaped, _ = one.shape(batch, {})
    assert shaped is not None
    return shaped


def pair(make_batch: BatchFactory, rewards: tuple[float, float] = (1, 0), step: int = 0) -> Rollouts:
    return make_batch(rewards, group_size=2, logp=LOGP, lengths=LENGTHS, scale="none", step=step)


def test_the_bonus_is_bounded_by_a_share_of_the_reward(make_batch: BatchFactory) -> None:
    # r = +1, −1: r̃ = 1 + min(1/3, 0.1) = 1.1 and −1 + min(1/3, 2) = −2/3; as R: 1.05 and 1/6, 53/60 apart.
    shaped = shape(Curiosity(), pair(make_batch))
    torch.testing.assert_close(shaped.advantages, torch.tensor([53 / 120, -53 / 120]))
    assert shaped.diagnostics["bonus"] == pytest.approx((0.1 + 1 / 3) / 2)
    assert shaped.diagnostics["surprise_gap"] == pytest.approx(1.9)
    assert shaped.diagnostics["omega"] == 1.0


def test_its_parameters(make_batch: BatchFactory) -> None:
    # ω = 0.5, κ = 4, α = 2: 0.5 min(1/4, 0.2) = 0.1 and 0.5 min(1/4, 4) = 0.125; as R: 1.05 and 0.0625.
    shaped = shape(Curiosity(weight=0.5, clip_ratio=4.0, scale=2.0), pair(make_batch))
    torch.testing.assert_close(shaped.advantages, torch.tensor([0.49375, -0.49375]))


def test_rewards_taken_as_they_are_leave_wrong_answers_without_a_bonus(make_batch: BatchFactory) -> None:
    # min(1/3, 0.1) = 0.1 for R = 1, min(0, 2) = 0 for R = 0.
    shaped = shape(Curiosity(signed=False), pair(make_batch))
    torch.testing.assert_close(shaped.advantages, torch.tensor([0.55, -0.55]))
    two_wrong = shape(Curiosity(signed=False), pair(make_batch, rewards=(0, 0)))
    assert two_wrong.advantages.tolist() == [0, 0]


def test_confident_mistakes_are_punished_more(make_batch: BatchFactory) -> None:
    shaped = shape(Curiosity(), pair(make_batch, rewards=(0, 0)))
    assert shaped.advantages[0] < 0 < shaped.advantages[1]
    assert shaped.diagnostics["surprise_gap"] == 0.0


@pytest.mark.parametrize(
    ("step", "one", "three"), [(0, 0.6, 0.6), (49, 0.6, 0.6), (50, 0.6, 0.4), (100, 0.6, 0.2), (149, 0.6, 0.2)]
)
def test_the_staircase(step: int, one: float, three: float) -> None:
    assert Curiosity(weight=0.6).omega(step) == pytest.approx(one)
    assert Curiosity(weight=0.6, stairs=3).omega(step) == pytest.approx(three)


def test_after_the_last_stair_it_is_plain_grpo(make_batch: BatchFactory) -> None:
    assert Curiosity(decay_steps=10).shape(pair(make_batch, step=9), {})[0] is not None
    assert Curiosity(decay_steps=10).shape(pair(make_batch, step=10), {}) == (None, {})
