from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from reports.statistics.multiplicity import benjamini_hochberg, holm, holm_levels, tie_ranks

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(P_VALUES)
def test_holm_is_statsmodels(values: list[float]) -> None:
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1], abs=1e-9)


@given(P_VALUES)
def test_benjamini_hochberg_is_statsmodels(values: list[float]) -> None:
    assert benjamini_hochberg(values) == pytest.approx(multipletests(values, method="fdr_bh")[1], abs=1e-9)


@given(P_VALUES)
def test_an_interval_at_its_level_rejects_what_holm_rejects(values: list[float]) -> None:
    adjusted, levels = holm(values), holm_levels(values)
    for value, corrected, level in zip(values, adjusted, levels, strict=True):
        if abs(corrected - 0.05) > 1e-9 and abs(value - (1 - level)) > 1e-9:
            assert (value < 1 - level) == (corrected < 0.05)


def test_no_comparison_has_no_level() -> None:
    assert holm_levels([]) == []
    assert holm([]) == []


@pytest.mark.parametrize("values", [[-0.1], [1.1], [float("nan")]])
def test_what_is_no_probability_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(values)


def test_ties_are_of_a_leader_and_not_of_a_chain() -> None:
    # b is not told from a, nor c from b, but c is told from a: c opens a group of its own
    apart = [[False, False, True], [False, False, False], [True, False, False]]
    assert tie_ranks([0.5, 0.4, 0.3], apart) == [1, 1, 3]


def test_all_apart_are_ranked_by_score() -> None:
    apart = [[a != b for b in range(3)] for a in range(3)]
    assert tie_ranks([0.1, 0.3, 0.2], apart) == [3, 1, 2]
