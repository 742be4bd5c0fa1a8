"""Whose a rollout or a group is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies import Rollouts
from strategies.combinators.assignment import groups_of_hedge, rollouts_of_hedge

RolloutFactory = Callable[..., Rollouts]
SIZES = {"groups": st.integers(1, 6), "group_size": st.integers(1, 12), "eighths": st.integers(0, 8)}


def a_batch(groups: int, group_size: int, seed: int = 0) -> Rollouts:
    """Return a batch of which only the size and the generator are used."""
    rewards = torch.zeros(groups * group_size)
    return Rollouts(
        rewards=rewards,
        advantages=rewards,
        group_size=group_size,
        completion_ids=torch.zeros(len(rewards), 1, dtype=torch.long),
        mask=torch.ones(len(rewards), 1, dtype=torch.bool),
        generator=torch.Generator().manual_seed(seed),
    )


def nearest(eighths: int, of: int) -> int:
    return floor(Fraction(eighths, 8) * of + Fraction(1, 2))


@given(**SIZES)
def test_in_each_group_the_rounded_share_of_rollouts_is_the_hedges(groups: int, group_size: int, eighths: int) -> None:
    chosen = rollouts_of_hedge(a_batch(groups, group_size), eighths / 8)
    assert chosen.view(groups, group_size).sum(dim=1).tolist() == [nearest(eighths, group_size)] * groups


@given(**SIZES)
def test_whole_groups_are_the_hedges_in_the_rounded_number(groups: int, group_size: int, eighths: int) -> None:
    chosen = groups_of_hedge(a_batch(groups, group_size), eighths / 8).view(groups, group_size)
    assert torch.equal(chosen.all(dim=1), chosen.any(dim=1))
    assert int(chosen[:, 0].sum()) == nearest(eighths, groups)


@pytest.mark.parametrize("draw", [rollouts_of_hedge, groups_of_hedge])
def test_every_place_has_its_turn_as_often(draw: Callable[[Rollouts, float], torch.Tensor]) -> None:
    batch = a_batch(4, 4)
    often = torch.stack([draw(batch, 0.25) for _ in range(2000)]).float().mean(dim=0)
    # Of 2000 coins of 1/4 the standard deviation is 0.0097: four of them.
    torch.testing.assert_close(often, torch.full((16,), 0.25), rtol=0, atol=0.039)


@pytest.mark.parametrize("draw", [rollouts_of_hedge, groups_of_hedge])
def test_a_draw_without_a_generator_is_refused(draw: Callable[[Rollouts, float], torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="hybrid draws from the rollouts' generator, got None"):
        draw(replace(a_batch(2, 2), generator=None), 0.5)
