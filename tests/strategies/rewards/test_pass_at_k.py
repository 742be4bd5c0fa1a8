"""Pass@k advantages: worked numbers, and the average over all draws that the closed form stands for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies import Rollouts, RunSettings
from strategies.rewards.pass_at_k import PassAtK, advantages_of

BatchFactory = Callable[..., Rollouts]


def test_groups_of_four_with_two_draws(make_batch: BatchFactory) -> None:
    # One right: R̄ = 1 − 3/6 = 1/2, σ = 1/2; right (1/2)/σ = 1, wrong (1/2 − 2/3)/σ = −1/3.
    # Two right: R̄ = 1 − 1/6 = 5/6, σ = √5/6; right (1/6)/σ = 1/√5, wrong (1/6 − 1/3)/σ = −1/√5.
    # Three right: no draw of two can miss; none right: none can hit. Both teach nothing.
    rewards = (0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0)
    shaped, state = PassAtK(k=2).shape(make_batch(rewards), {})
    assert shaped is not None
    root = 1 / sqrt(5)
    expected = [-1 / 3, 1, -1 / 3, -1 / 3, root, -root, root, -root, *[0] * 8]
    torch.testing.assert_close(shaped.advantages, torch.tensor(expected), atol=1e-5, rtol=0)
    assert shaped.diagnostics["silent_groups"] == 0.5
    assert state == {}


def test_a_group_of_eight_with_four_draws() -> None:
    # 2 right of 8: R̄ = 1 − 15/70 = 11/14, σ = √33/14; right 3/√33, wrong (3/14 − 10/35)/σ = −1/√33.
    # The authors' `calc_adv` (RUCAIBox/Passk_Training @c3ba575) gives 0.5222317 and −0.17407723.
    assert advantages_of(2, 8, 4) == pytest.approx((0.5222317, -0.17407723), abs=1e-7)
    assert advantages_of(2, 8, 4) == pytest.approx((3 / sqrt(33), -1 / sqrt(33)), abs=2e-6)


@given(st.integers(2, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1), st.integers(1, n - 1))))
def test_it_is_the_average_over_all_draws(numbers: tuple[int, int, int]) -> None:
    size, right, k = numbers
    draws = list(combinations(range(size), k))
    passed = {draw: float(any(member < right for member in draw)) for draw in draws}
    mean = sum(passed.values()) / len(draws)
    deviation = sqrt(mean * (1 - mean)) + 1e-6
    for member, found in ((0, advantages_of(right, size, k)[0]), (size - 1, advantages_of(right, size, k)[1])):
        own = [(passed[draw] - mean) / deviation for draw in draws if member in draw]
        assert found == pytest.approx(sum(own) / len(own), abs=1e-9)


def test_rewards_above_a_half_count_as_right(make_batch: BatchFactory) -> None:
    graded, _ = PassAtK(k=2).shape(make_batch((0.6, 0.5, 0.1, 0)), {})
    strict, _ = PassAtK(k=2).shape(make_batch((1, 0, 0, 0)), {})
    assert graded is not None
    assert strict is not None
    assert torch.equal(graded.advantages, strict.advantages)


@pytest.mark.parametrize(
    ("k", "message"),
    [(5, "k is 5 and a group has 4 rollouts; .* Choose k below 4"), (4, "k is 4 and so is the group size; .* 0")],
)
def test_a_k_that_the_group_cannot_serve_is_refused(k: int, message: str, make_batch: BatchFactory) -> None:
    with pytest.raises(ValueError, match=message):
        PassAtK(k=k).check(RunSettings(group_size=4))
    PassAtK(k=k).check(RunSettings(group_size=6))
    PassAtK(k=1).check(RunSettings(group_size=1))


def test_k_larger_than_the_group_is_refused_at_the_batch_too(make_batch: BatchFactory) -> None:
    with pytest.raises(ValueError, match="can't be drawn from it"):
        PassAtK(k=5).shape(make_batch(), {})


def test_with_k_of_the_group_size_nothing_is_left(make_batch: BatchFactory) -> None:
    shaped, _ = PassAtK(k=4).shape(make_batch(), {})
    assert shaped is not None
    assert shaped.advantages.abs().max() == 0
