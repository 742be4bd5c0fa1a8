"""How much a group differs: numbers worked by hand, and bounds that always hold."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies.watches.measures import (
    answer_entropy,
    distinct_answers,
    effective_rank,
    entropy,
    ngram_entropy,
    ngram_similarities,
    ngrams,
    pairwise_cosines,
    vendi_score,
)


def test_entropy_by_hand() -> None:
    assert entropy([1, 1]) == pytest.approx(log(2))
    assert entropy([3, 1, 0]) == pytest.approx(0.75 * log(4 / 3) + 0.25 * log(4))
    assert entropy([]) == 0
    assert entropy([7]) == 0


def test_cosines_of_pairs() -> None:
    features = torch.tensor([[[1.0, 0], [0, 2], [-3, 0]], [[1.0, 1], [2, 2], [0, 0]]])
    expected = torch.tensor([[0.0, -1, 0], [1, 0, 0]])
    torch.testing.assert_close(pairwise_cosines(features), expected)


def test_effective_rank_counts_directions() -> None:
    same, apart = torch.ones(1, 4, 3), torch.eye(4).unsqueeze(0)
    assert effective_rank(same).item() == pytest.approx(1)
    assert effective_rank(apart).item() == pytest.approx(4)
    twice = torch.tensor([[[1.0, 0], [1, 0], [1, 0], [0, 5]]])  # singular values √3 and 1: shares 0.634 and 0.366
    share = 3**0.5 / (3**0.5 + 1)
    assert effective_rank(twice).item() == pytest.approx(exp(-share * log(share) - (1 - share) * log(1 - share)))
    assert effective_rank(-apart).item() == pytest.approx(4)


def test_vendi_weighs_by_eigenvalues() -> None:
    assert vendi_score(torch.ones(1, 3, 3)).item() == pytest.approx(1)
    assert vendi_score(torch.eye(3).unsqueeze(0)).item() == pytest.approx(3)
    pair = torch.eye(4).unsqueeze(0)  # three alike and one apart: eigenvalues 3/4 and 1/4
    pair[0, :3, :3] = 1
    assert vendi_score(pair).item() == pytest.approx(exp(0.75 * log(4 / 3) + 0.25 * log(4)))


def test_ngrams_of_tokens() -> None:
    assert ngrams([1, 2, 1, 2], 2) == {(1, 2): 2, (2, 1): 1}
    assert ngrams([1], 2) == {}
    assert ngram_entropy([[1, 2, 1, 2], [5]]) == pytest.approx(entropy([2, 1]))


def test_texts_are_alike_by_their_ngrams() -> None:
    kernel = ngram_similarities([[1, 2, 3], [1, 2, 3], [4, 5, 6], []])
    expected = torch.eye(4, dtype=torch.float64)
    expected[0, 1] = expected[1, 0] = 1
    torch.testing.assert_close(kernel, expected)
    half = ngram_similarities([[1, 2], [1, 3]], sizes=(1,))
    assert half[0, 1].item() == pytest.approx(0.5)


def test_answers() -> None:
    group = ["1", "1", None, "2"]
    assert distinct_answers(group) == 2
    assert answer_entropy(group) == pytest.approx(entropy([2, 1, 1]))


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**31))
def test_spreads_stay_within_their_bounds(size: int, width: int, seed: int) -> None:
    features = torch.randn(2, size, width, generator=torch.Generator().manual_seed(seed))
    rank = effective_rank(features)
    unit = torch.nn.functional.normalize(features, dim=-1)
    vendi = vendi_score(torch.bmm(unit, unit.transpose(1, 2)))
    assert (rank >= 1 - 1e-5).all()
    assert (rank <= min(size, width) + 1e-4).all()
    assert (vendi >= 1 - 1e-5).all()
    assert (vendi <= rank + 1e-3).all()  # squared singular values are less even than singular values
