from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import pass_at_k


def test_one_right_of_four_is_in_half_of_the_pairs() -> None:
    assert pass_at_k(correct=1, samples=4, k=2) == 0.5


def test_pass_at_1_is_the_share_of_right_answers() -> None:
    assert pass_at_k(correct=3, samples=16, k=1) == pytest.approx(3 / 16, abs=1e-12)


@given(st.integers(1, 7), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_right_answer(samples: int, data: st.DataObject) -> None:
    k, correct = data.draw(st.integers(1, samples)), data.draw(st.integers(0, samples))
    grades = [True] * correct + [False] * (samples - correct)
    subsets = list(combinations(grades, k))
    assert pass_at_k(correct, samples, k) == pytest.approx(sum(map(any, subsets)) / len(subsets), abs=1e-12)


def test_fewer_samples_than_k_is_an_error_never_a_number() -> None:
    with pytest.raises(ValueError, match="pass@8 needs at least 8 samples per item, got 4"):
        pass_at_k(correct=1, samples=4, k=8)


@pytest.mark.parametrize(("correct", "samples", "k"), [(5, 4, 1), (-1, 4, 1), (1, 4, 0)])
def test_impossible_counts_are_errors(correct: int, samples: int, k: int) -> None:
    with pytest.raises(ValueError, match="got"):
        pass_at_k(correct, samples, k)
