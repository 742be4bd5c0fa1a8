"""Advantages from rewards, by TRL's formula: (r − mean of the group) / (standard deviation + 1e-4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from strategies import Rollouts

RolloutFactory = Callable[..., Rollouts]

REWARDS = (1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0)
CENTRED = [0.75, -0.25, -0.25, -0.25, 0.0, 0.0, 0.0, 0.0]
GROUP_STD = 0.5  # of 1, 0, 0, 0: sqrt((9/16 + 3/16) / 3)
BATCH_STD = math.sqrt(15 / 56)  # of five ones and three zeros: sqrt(8 · 5/8 · 3/8 / 7)


@pytest.mark.parametrize(
    ("scale", "divisor"), [("group", GROUP_STD + 1e-4), ("batch", BATCH_STD + 1e-4), ("none", 1.0)]
)
def test_advantages_by_hand(scale: Any, divisor: float, make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=4, scale=scale)
    expected = torch.tensor([value / divisor for value in CENTRED])
    torch.testing.assert_close(rollouts.normalise(rollouts.rewards), expected)


def test_a_group_is_consecutive_rollouts(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=4)
    assert rollouts.grouped(rollouts.rewards).tolist() == [[1, 0, 0, 0], [1, 1, 1, 1]]
    assert rollouts.grouped(rollouts.completion_ids).shape == (2, 4, rollouts.completion_ids.shape[1])


def test_uniform_groups_are_those_with_one_reward(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 0, 0.5, 0.5, 0, 0), group_size=2)
    assert rollouts.uniform().tolist() == [False, False, True, True, True, True]
