"""Length and direction of updates, against numbers worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from strategies import Rollouts
from strategies.gradient.measures import UniformGroup, alignment, gradient_norm, others_right, standardised

RolloutFactory = Callable[..., Rollouts]
FEATURES = torch.tensor([[3.0, 4.0], [0.0, -2.0], [0.0, 0.0]])


def test_norm_and_alignment() -> None:
    assert gradient_norm(FEATURES).tolist() == [5.0, 2.0, 0.0]
    target = torch.tensor([0.0, 2.0])
    torch.testing.assert_close(alignment(FEATURES, target), torch.tensor([0.8, -1.0, 0.0]))
    torch.testing.assert_close(alignment(FEATURES, target, "dot"), torch.tensor([8.0, -4.0, 0.0]))
    each = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    torch.testing.assert_close(alignment(FEATURES, each), torch.tensor([0.6, -1.0, 0.0]))
    torch.testing.assert_close(alignment(FEATURES, torch.zeros(2)), torch.zeros(3))


def test_the_right_others_leave_oneself_out(make_rollouts: RolloutFactory) -> None:
    features = [[2.0, 0], [0, 3.0], [1.0, 0], [5.0, 5.0]] * 2
    rollouts = make_rollouts(rewards=(1, 1, 0, 0, 1, 0, 0, 0), features=features)
    mean, count = others_right(torch.tensor(features), rollouts)
    assert count.tolist() == [1, 1, 2, 2, 0, 1, 1, 1]
    expected = [[0, 1.0], [1.0, 0], [0.5, 0.5], [0.5, 0.5], [0, 0], [1.0, 0], [1.0, 0], [1.0, 0]]
    torch.testing.assert_close(mean, torch.tensor(expected))


@pytest.mark.parametrize("choice", ["shape", "zero", "no_std"])
def test_groups_of_one_reward(choice: UniformGroup, make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 1, 1, 1, 1, 0, 1, 0))
    rewards = rollouts.rewards + torch.tensor([0.4, 0, 0, 0, 0, 0, 0, 0])
    made = standardised(rollouts, rewards, choice)
    spread = 0.2 + 1e-4  # the standard deviation of 0.4 and three zeros
    exact = {"shape": [0.3 / spread, -0.1 / spread], "zero": [0.0, 0.0], "no_std": [0.3, -0.1]}[choice]
    torch.testing.assert_close(made[:2], torch.tensor(exact))
    torch.testing.assert_close(made[4:], rollouts.advantages[4:])
    apart = standardised(replace(rollouts, scale="none"), rewards, choice)
    assert apart[0].item() == pytest.approx(0.0 if choice == "zero" else 0.3)
