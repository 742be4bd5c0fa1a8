"""The untrained model, the coin and the format: numbers worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from strategies import Rollouts, Shaped, Strategy, build
from strategies.controls.base import Base
from strategies.controls.format_reward import FormatReward
from strategies.controls.random_reward import RandomReward

RolloutFactory = Callable[..., Rollouts]


def shaped_by(strategy: Strategy, rollouts: Rollouts) -> Shaped:
    shaped, _ = strategy.shape(rollouts, strategy.init())
    assert shaped is not None
    return shaped


def test_base_is_not_trained_and_touches_nothing(make_rollouts: RolloutFactory) -> None:
    base = Base()
    assert Base.trained is False
    assert base.shape(make_rollouts(), {}) == (None, {})
    assert base.trainer_settings() == {}
    assert base.controls() == ()


def test_readable_answers_get_the_reward(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(0, 0, 1, 1, 0, 0, 0, 1), group_size=4)
    rollouts = replace(rollouts, answers=["3", None, None, None, "", "1", "2", None])
    found = shaped_by(FormatReward(), rollouts)
    # Group 1 has rewards 1 0 0 0: mean 1/4, std √(3/16 · 4/3) = 1/2, so 0.75 / 0.5001 and −0.25 / 0.5001.
    # Group 2 has 1 1 1 0 (an empty answer is an answer): mean 3/4, the same std: 0.25 / 0.5001 and −0.75 / 0.5001.
    expected = [0.75, -0.25, -0.25, -0.25, 0.25, 0.25, 0.25, -0.75]
    assert found.advantages.tolist() == pytest.approx([value / 0.5001 for value in expected], rel=1e-5)
    assert found.diagnostics == {"readable": 0.5}


def test_half_the_format_is_half_the_reward(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 0, 0, 0), group_size=4, scale="none")
    rollouts = replace(rollouts, answers=["3", "4", None, None])
    # Rewards 0.5·(1 0 0 0) + 0.5·(1 1 0 0) = (1, 0.5, 0, 0), mean 0.375.
    found = shaped_by(FormatReward(strength=0.5), rollouts).advantages
    assert found.tolist() == [0.625, 0.125, -0.375, -0.375]


def test_answers_must_be_there(make_rollouts: RolloutFactory) -> None:
    with pytest.raises(ValueError, match="0 answers for 12 rollouts"):
        FormatReward().shape(replace(make_rollouts(), answers=[]), {})


def test_coins_come_up_as_often_as_told_and_know_nothing_of_the_reward(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 0) * 10000, group_size=4, scale="none")
    found = shaped_by(RandomReward(probability=0.3), rollouts)
    # Standard error √(0.3 · 0.7 / 20000) = 0.0032; four of them.
    assert abs(found.diagnostics["random_reward"] - 0.3) < 0.013
    # Without scaling a coin is its advantage plus the group's mean, so heads and tails differ by 1 within a group.
    grouped = rollouts.grouped(found.advantages)
    spread = grouped.amax(dim=1) - grouped.amin(dim=1)
    assert all(math.isclose(value, 1, abs_tol=1e-6) or value == 0 for value in spread.tolist())
    right, wrong = found.advantages[rollouts.rewards == 1], found.advantages[rollouts.rewards == 0]
    assert abs(right.mean().item() - wrong.mean().item()) < 0.025


def test_a_quarter_of_coin_leaves_three_quarters_of_reward(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 0, 1, 0, 1, 1, 1, 1), group_size=4, scale="none")
    coins = shaped_by(RandomReward(), replace(rollouts, generator=torch.Generator().manual_seed(4))).advantages
    mixed = shaped_by(RandomReward(strength=0.25), replace(rollouts, generator=torch.Generator().manual_seed(4)))
    # Centring is linear, so the mixture of rewards is the mixture of advantages.
    torch.testing.assert_close(mixed.advantages, 0.75 * rollouts.advantages + 0.25 * coins)


def test_coins_come_from_the_generator_only(make_rollouts: RolloutFactory) -> None:
    draws = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        draws.append(shaped_by(RandomReward(), make_rollouts()).advantages)
    assert torch.equal(*draws)
    with pytest.raises(ValueError, match="generator, got None"):
        RandomReward().shape(replace(make_rollouts(), generator=None), {})


@pytest.mark.parametrize("name", ["random_reward", "format_reward"])
def test_no_strength_is_plain_grpo(name: str, make_rollouts: RolloutFactory) -> None:
    strategy = build({name: {"strength": 0.0}})
    assert strategy.shape(make_rollouts(), {}) == (None, {})


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("random_reward", {"probability": 0.0}, "probability must be above 0 and below 1, got 0"),
        ("random_reward", {"probability": 1.0}, "probability must be above 0 and below 1, got 1"),
        ("random_reward", {"strength": 1.5}, "strength must be at least 0 and at most 1, got 1.5"),
        ("format_reward", {"strength": -0.1}, "strength must be at least 0 and at most 1, got -0.1"),
    ],
)
def test_what_is_out_of_range_is_refused(name: str, parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build({name: parameters})
