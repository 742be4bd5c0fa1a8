"""Rank correlations against scipy and by hand, and a chance that means what it says."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats
from torch import Tensor

from strategies import Rollouts
from strategies.gradient.agreement import Agreement, cosine_matrices, distinct, mantel, ranks, spearman


def symmetric(*pairs: float) -> Tensor:
    """Return the similarities (3, 3) of three rollouts with these pairs: 0 and 1, 0 and 2, 1 and 2."""
    a, b, c = pairs
    return torch.tensor([[1.0, a, b], [a, 1.0, c], [b, c, 1.0]], dtype=torch.float64)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_equal_values_share_their_mean_rank() -> None:
    assert ranks(torch.tensor([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]
    assert ranks(torch.tensor([[7.0, 7.0, 7.0], [0.0, -1.0, 5.0]])).tolist() == [[2.0, 2.0, 2.0], [2.0, 1.0, 3.0]]


@given(some.lists(some.tuples(some.integers(0, 5), some.integers(-3, 3)), min_size=3, max_size=12))
def test_spearman_is_scipys_ties_and_all(values: list[tuple[int, int]]) -> None:
    a, b = (torch.tensor(column, dtype=torch.float64) for column in zip(*values, strict=True))
    if a.min() == a.max() or b.min() == b.max():
        assert spearman(a, b) == 0.0
    else:
        assert spearman(a, b) == pytest.approx(stats.spearmanr(a.numpy(), b.numpy()).statistic, abs=1e-12)


def test_rollouts_with_the_same_tokens_count_once_whatever_their_padding_holds() -> None:
    ids = torch.tensor([[4, 9], [4, 7], [5, 5], [5, 5], [5, 6], [5, 5]])
    mask = torch.tensor([[1, 0], [1, 0], [1, 1], [1, 1], [1, 1], [1, 1]]).bool()
    rewards = torch.zeros(6)
    rollouts = Rollouts(rewards=rewards, advantages=rewards, group_size=3, completion_ids=ids, mask=mask)
    assert [rows.tolist() for rows in distinct(rollouts)] == [[0, 2], [3, 4]]


def test_cosines_of_each_group_by_hand() -> None:
    features = torch.tensor([[3.0, 4.0], [4.0, 3.0], [0.0, 0.0], [0.0, -2.0]])
    first, second = cosine_matrices(features, [torch.tensor([0, 1, 2]), torch.tensor([0, 3])])
    assert first.tolist() == [[1.0, 0.96, 0.0], [0.96, 1.0, 0.0], [0.0, 0.0, 0.0]]
    assert second.tolist() == [[1.0, -0.8], [-0.8, 1.0]]


def test_what_float32_cannot_tell_makes_no_rank() -> None:
    """Three equal directions of other lengths: their cosines differ by rounding alone, and that ranks nothing."""
    features = torch.tensor([[0.1, 0.7], [0.3, 2.1], [1.1, 7.7]])
    (matrix,) = cosine_matrices(features, [torch.arange(3)])
    assert mantel([matrix], [symmetric(0.9, 0.5, 0.1)]).groups == 0


def test_mantel_by_hand() -> None:
    # Pairs 01, 02, 12 in the same order. The six orders of three rollouts are the six orders of their three pairs, so
    # one permutation in six does as well as the one seen: 6000/6, with a standard deviation of 29; four of them.
    found = mantel([symmetric(0.9, 0.5, 0.1)], [symmetric(3.0, 2.0, 1.0)], permutations=6000, generator=drawn())
    assert found.rho == pytest.approx(1.0)
    assert (found.groups, found.pairs) == (1, 3)
    assert abs(found.p * 6001 - 1 - 1000) < 116
    # Ranks 3, 2, 1 against 3, 1, 2: 1 − 6·2/(3·8) = 0.5.
    assert mantel([symmetric(0.9, 0.5, 0.1)], [symmetric(3.0, 1.0, 2.0)]).rho == pytest.approx(0.5)
    reversed_ = mantel([symmetric(0.9, 0.5, 0.1)], [symmetric(1.0, 2.0, 3.0)])
    assert reversed_.rho == pytest.approx(-1.0)
    assert reversed_.p == 1.0


def test_groups_count_alike_and_those_without_ranks_not_at_all() -> None:
    two = torch.tensor([[1.0, 0.3], [0.3, 1.0]], dtype=torch.float64)
    flat, falling = symmetric(0.5, 0.5, 0.5), symmetric(3.0, 2.0, 1.0)
    first = [falling, two, flat, falling, falling]
    second = [falling, two, falling, flat, symmetric(3.0, 1.0, 2.0)]
    found = mantel(first, second)
    assert found.rho == pytest.approx((1.0 + 0.5) / 2)
    assert (found.groups, found.pairs) == (2, 6)
    assert mantel([two, flat], [two, falling]) == Agreement(rho=0.0, p=1.0, groups=0, pairs=0)


def test_chance_passes_a_level_as_often_as_it_says() -> None:
    """Cosines of unrelated vectors: 400 tests at 0.1 pass 40 times, with a standard deviation of 6; four of them."""
    source = drawn(1)
    passed = 0
    for _ in range(400):
        groups = [torch.arange(5)]
        first, second = (cosine_matrices(torch.randn(5, 4, generator=source), groups) for _ in range(2))
        passed += mantel(first, second, permutations=99, generator=source).p <= 0.1
    assert 16 <= passed <= 64


def test_the_chance_depends_on_the_generator_alone() -> None:
    features, groups = torch.randn(6, 4, generator=drawn(2)), [torch.arange(6)]
    first, second = cosine_matrices(features, groups), cosine_matrices(features[:, :2], groups)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(mantel(first, second, permutations=49, generator=drawn()))
    assert found[0] == found[1]
