"""Reliability and its noise floor, against numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies.gradient.reliability import cosine_profiles, noise_floor, reliability, stepped_up

# Halves that agree, that are at 60 degrees, that are at a right angle, that oppose each other.
HALVES = torch.tensor([[[1.0, 0], [2, 0]], [[1, 0], [0.5, 3**0.5 / 2]], [[1, 0], [0, 3]], [[1, 0], [-2, 0]]])


def test_reliability_by_hand() -> None:
    torch.testing.assert_close(reliability(HALVES), torch.tensor([1.0, 2 / 3, 0, 0]))  # 2·½ / 1½
    assert stepped_up(torch.tensor([-0.5, 0.25])).tolist() == pytest.approx([0, 0.4])


def test_a_completion_of_one_token_is_not_reliable() -> None:
    assert reliability(torch.tensor([[[1.0, 2], [0, 0]]])).tolist() == [0]


def test_the_floor_is_what_different_prompts_share() -> None:
    apart = torch.eye(4).unsqueeze(1).repeat(1, 2, 1)
    assert noise_floor(apart, 2, 0.95) == 0
    same = torch.ones(4, 2, 3)
    assert noise_floor(same, 2, 0.95) == pytest.approx(1)
    assert noise_floor(same, 4, 0.95) == 0, "one prompt has none to be compared with"
    # Of the eight pairs of different prompts one is alike: the 95% point lies between the seventh and the eighth.
    one = apart.clone()
    one[0, 0] = one[2, 1]
    assert noise_floor(one, 2, 0.95) == pytest.approx(0.65)
    assert noise_floor(one, 2, 0.5) == 0


def test_profiles_are_centred_cosines_to_the_others() -> None:
    # Each half has two of the four features, whichever: all features of a rollout are the same number, or its opposite.
    signs = torch.tensor([1.0, 1.0, -1.0, 1.0])
    profiles = cosine_profiles(signs.unsqueeze(1).repeat(1, 4), 4)
    assert profiles.shape == (4, 2, 3)
    first = torch.tensor([1.0, -1.0, 1.0])
    for half in (0, 1):
        torch.testing.assert_close(profiles[0, half], first - first.mean())
        torch.testing.assert_close(profiles[2, half], torch.zeros(3))
    torch.testing.assert_close(reliability(profiles), torch.tensor([1.0, 1.0, 0.0, 1.0]))


def test_the_halves_share_no_feature() -> None:
    features = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    whole = cosine_profiles(features, 4)
    touched = []
    for column in range(6):
        changed = features.clone()
        changed[0, column] += 1
        touched.append([not torch.equal(cosine_profiles(changed, 4)[:, half], whole[:, half]) for half in (0, 1)])
    assert sorted(touched) == [[False, True]] * 3 + [[True, False]] * 3


@given(st.integers(0, 2**31))
def test_reliability_stays_within_its_bounds(seed: int) -> None:
    halves = torch.randn(8, 2, 3, generator=torch.Generator().manual_seed(seed))
    assert ((reliability(halves) >= 0) & (reliability(halves) <= 1 + 1e-6)).all()
    assert 0 <= noise_floor(halves, 4, 0.5) <= 1 + 1e-6
