"""GAR: right answers that agree with the right ones are worth more."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import pytest
import torch

from strategies import Rollouts
from strategies.gradient.gar import Gar, agreements, bonus

RolloutFactory = Callable[..., Rollouts]
# Three right: two alike and one at a right angle; one wrong that is like the two. Then a lone right answer.
VECTORS = [[1.0, 0], [2.0, 0], [0, 1.0], [1.0, 0], [1.0, 0], [1.0, 0], [1.0, 0], [1.0, 0]]
REWARDS = (1, 1, 1, 0, 1, 0, 0, 0)


def test_agreement_and_bonus_by_hand(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, features=VECTORS)
    agreement, counts = agreements(rollouts)
    # The first is held against the mean of (1, 0) and (0, 1); the third against (1, 0) twice.
    expected = torch.tensor([sqrt(0.5), sqrt(0.5), 0, 2 / sqrt(5), 0, 1, 1, 1])
    torch.testing.assert_close(agreement, expected)
    assert counts.tolist() == [2, 2, 2, 3, 0, 1, 1, 1]
    mean = 2 * sqrt(0.5) / 3
    torch.testing.assert_close(
        bonus(rollouts, agreement), torch.tensor([sqrt(0.5) - mean, sqrt(0.5) - mean, 0, 0, 0, 0, 0, 0])
    )


def test_only_right_answers_that_agree_gain(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, features=VECTORS, scale="none")
    shaped, _ = Gar(strength=0.5).shape(rollouts, {})
    assert shaped is not None
    gained = 0.5 * (sqrt(0.5) - 2 * sqrt(0.5) / 3)
    moved = torch.tensor([gained, gained, 0, 0]) - 2 * gained / 4
    torch.testing.assert_close(shaped.advantages[:4] - rollouts.advantages[:4], moved)
    torch.testing.assert_close(shaped.advantages[4:], rollouts.advantages[4:])
    assert shaped.columns["signal"][1].item() == pytest.approx(sqrt(0.5))


def test_a_group_that_is_all_right_is_left_alone_if_asked(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 1, 1, 1), features=[[1.0, 0], [1.0, 0], [1.0, 0], [0, 1.0]])
    for choice, is_moved in (("shape", True), ("zero", False)):
        shaped, _ = Gar(uniform_group=choice).shape(rollouts, {})  # type: ignore[arg-type]  # literals in a loop
        assert shaped is not None
        assert bool(shaped.advantages.any()) == is_moved


def test_the_cosines_are_those_of_right_answers_that_have_another(make_rollouts: RolloutFactory) -> None:
    shaped, _ = Gar().shape(make_rollouts(rewards=REWARDS, features=VECTORS), {})
    assert shaped is not None
    (found,) = shaped.cosines.values()  # neither the wrong one, nor the lone right one
    torch.testing.assert_close(found, torch.tensor([sqrt(0.5), sqrt(0.5), 0.0]))
