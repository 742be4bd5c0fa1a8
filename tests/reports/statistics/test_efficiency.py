from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.efficiency import (
    area_under,
    censored_median,
    compute_to,
    cost_profile,
    pareto_front,
    weights_at,
)

CURVES = st.lists(st.tuples(st.floats(1, 100), st.floats(0, 1)), min_size=1, max_size=6)


@given(CURVES, st.floats(0, 1))
def test_at_equal_compute_a_curve_is_what_numpy_interpolates(steps: list[tuple[float, float]], where: float) -> None:
    compute = [0.0, *np.cumsum([step for step, _ in steps])]
    scores = [0.1, *(score for _, score in steps)]
    amount = where * compute[-1]
    found = math.fsum(weight * scores[place] for place, weight in weights_at(compute, amount).items())
    assert found == pytest.approx(np.interp(amount, compute, scores), abs=1e-9)


@pytest.mark.parametrize("amount", [-1.0, 201.0])
def test_nothing_is_known_beyond_the_ends(amount: float) -> None:
    assert weights_at([0, 100, 200], amount) == {}


def test_unknown_compute_has_no_place() -> None:
    assert weights_at([0, math.nan, 200], 150) == {}


@given(CURVES)
def test_the_area_is_numpys(steps: list[tuple[float, float]]) -> None:
    compute = [0.0, *np.cumsum([step for step, _ in steps])]
    scores = [0.1, *(score for _, score in steps)]
    assert area_under(compute, scores, compute[-1]) == pytest.approx(np.trapezoid(scores, compute) / compute[-1])


def test_an_area_ends_between_checkpoints() -> None:
    assert area_under([0, 100], [0.0, 1.0], until=50) == pytest.approx(0.25)
    assert area_under([0, 100], [0.0, 1.0], until=150) is None
    assert area_under([0, 100], [0.0, 1.0], until=0) is None


def test_a_target_that_is_there_at_the_start_costs_nothing() -> None:
    assert compute_to([0, 100], [0.3, 0.2], 0.3) == 0


def test_a_target_counts_when_it_is_first_reached() -> None:
    assert compute_to([0, 100, 200, 300], [0.0, 0.4, 0.1, 0.5], 0.2) == 50


@pytest.mark.parametrize(("count", "coverage"), [(3, 0.75), (5, 0.9375), (6, 0.96875)])
def test_few_seeds_cannot_cover(count: int, coverage: float) -> None:
    found = censored_median([float(value) for value in range(count)])
    assert (found.low, found.high) == (0, count - 1)
    assert found.coverage == pytest.approx(coverage)


def test_ten_seeds_cover_with_the_second_and_the_ninth() -> None:
    found = censored_median([*map(float, range(8)), math.inf, math.inf])
    assert (found.low, found.high, found.missed) == (1.0, math.inf, 2)  # 1 - 2 * 11/1024
    assert found.coverage == pytest.approx(1 - 22 / 1024)
    assert found.median == 4.5


def test_no_value_has_no_median() -> None:
    for values in ([], [math.nan]):
        with pytest.raises(ValueError, match="at least one known"):
            censored_median(values)


def test_the_front_keeps_equals_and_leaves_out_the_unknown() -> None:
    assert pareto_front([1, 1, 2, math.nan], [0.3, 0.3, 0.3, 0.9]) == [0, 1]


def test_costs_that_are_nearly_equal_are_no_excuse() -> None:
    assert pareto_front([1.0, 0.99], [0.3, 0.2]) == [0, 1]
    assert pareto_front([1.0, 0.99], [0.3, 0.2], tolerance=0.02) == [0]


def test_a_profile_by_hand() -> None:
    costs = np.array([[10.0, 30.0, math.inf], [20.0, 10.0, math.inf]])
    assert cost_profile(costs, [1, 2, 3]) == pytest.approx(np.array([[1, 1, 2], [1, 2, 2]]) / 3)
