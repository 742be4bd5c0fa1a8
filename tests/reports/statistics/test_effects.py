from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from reports.statistics.bootstrap import pigeonhole_interval
from reports.statistics.effects import LIKE_THESE, THESE, components, effect, effects

ONE = np.array([[0.1, 0.3], [0.2, 0.8]])


def test_two_seeds_and_two_items_by_hand() -> None:
    # seed means 0.2, 0.5; item means 0.15, 0.55; grand mean 0.35
    # MS_seeds = 2 * 0.045 = 0.09; MS_items = 2 * 0.08 = 0.16; rest: (+-0.1)^2 * 4 / 1 = 0.04
    (found,) = components(ONE[None])
    assert found.rest == pytest.approx(0.04)
    assert found.between_seeds == pytest.approx((0.09 - 0.04) / 2)
    assert found.between_items == pytest.approx((0.16 - 0.04) / 2)
    whole = effect([ONE])
    assert whole.mean == pytest.approx(0.35)
    assert whole.over_seeds is not None
    assert whole.over_seeds.variance == pytest.approx(0.045 / 2)
    assert whole.over_items[0].variance == pytest.approx(0.06 / 2)
    # t(1, 0.975) = 12.7062047: 12.7062047^2 * (0.0225 + 0.03)
    assert whole.interval().half_width == pytest.approx(12.7062047 * np.sqrt(0.0525), rel=1e-8)


def test_the_components_are_those_of_an_analysis_of_variance() -> None:
    import pandas as pd
    from statsmodels.stats.anova import anova_lm

    rng = np.random.default_rng(3)
    values = rng.normal(size=(4, 1)) + 2 * rng.normal(size=(1, 7)) + rng.normal(size=(4, 7))
    seeds, items = np.meshgrid(range(4), range(7), indexing="ij")
    frame = pd.DataFrame({"d": values.ravel(), "s": seeds.ravel(), "i": items.ravel()})
    table = anova_lm(smf.ols("d ~ C(s) + C(i)", data=frame).fit())
    squares = table["sum_sq"] / table["df"]
    (found,) = components(values[None])
    assert found.rest == pytest.approx(squares["Residual"], abs=1e-9)
    assert found.between_items == pytest.approx((squares["C(i)"] - squares["Residual"]) / 4, abs=1e-9)
    assert found.between_seeds == pytest.approx(max(0, squares["C(s)"] - squares["Residual"]) / 7, abs=1e-9)


@given(arrays(float, st.tuples(st.integers(2, 6), st.integers(1, 8)), elements=st.floats(-1, 1)))
def test_on_these_items_it_is_students_test_over_seeds(values: np.ndarray) -> None:
    by_seed = values.mean(axis=1)
    found = effect([values])
    if by_seed.std() > 1e-6:
        theirs = stats.ttest_1samp(by_seed, 0)
        assert found.p_value(THESE) == pytest.approx(theirs.pvalue, abs=1e-9)
        interval, ours = theirs.confidence_interval(0.9), found.interval(0.9, THESE)
        assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=1e-9)


@given(arrays(float, st.tuples(st.integers(2, 6), st.integers(2, 8)), elements=st.floats(-1, 1)), st.floats(0.5, 0.99))
def test_the_interval_excludes_zero_just_when_the_p_value_is_small(values: np.ndarray, level: float) -> None:
    found = effect([values])
    for target in (THESE, LIKE_THESE):
        interval, p = found.interval(level, target), found.p_value(target)
        if not found.flat and abs(p - (1 - level)) > 1e-6:
            assert interval.low is not None
            assert interval.high is not None
            assert (interval.low > 0 or interval.high < 0) == (p < 1 - level)


@given(arrays(float, st.tuples(st.integers(2, 6), st.integers(2, 8)), elements=st.floats(-1, 1)))
def test_items_like_these_are_less_certain_than_these(values: np.ndarray) -> None:
    found = effect([values])
    these, like = found.interval(target=THESE).half_width, found.interval(target=LIKE_THESE).half_width
    assert these is not None
    assert like is not None
    assert like >= these


@given(arrays(float, (3, 5), elements=st.floats(-1, 1)), st.permutations(range(3)), st.permutations(range(5)))
def test_the_order_of_seeds_and_items_is_nothing(values: np.ndarray, seeds: list[int], items: list[int]) -> None:
    one, other = effect([values]), effect([values[seeds][:, items]])
    assert other.mean == pytest.approx(one.mean)
    assert other.interval().half_width == pytest.approx(one.interval().half_width)


def test_with_many_seeds_the_pigeonhole_bootstrap_says_the_same() -> None:
    rng = np.random.default_rng(4)
    values = 0.02 + rng.normal(0, 0.02, (12, 1)) + rng.normal(0, 0.1, (1, 80)) + rng.normal(0, 0.02, (12, 80))
    low, high = pigeonhole_interval(values, rng)
    half = effect([values]).interval().half_width
    assert half is not None
    assert (high - low) / 2 == pytest.approx(half, rel=0.2)


def test_suites_count_alike_whatever_their_size() -> None:
    found = effect([np.full((3, 2), 0.1), np.full((3, 500), 0.3)])
    assert found.mean == pytest.approx(0.2)
    assert found.items == (2, 500)


def test_a_seed_that_moves_two_suites_apart_takes_nothing_from_their_mean() -> None:
    lean = np.array([[-0.1], [0.0], [0.1]])
    found = effect([np.repeat(0.2 + lean, 4, axis=1), np.repeat(0.2 - lean, 4, axis=1)])
    assert found.flat
    assert found.p_value() == 1.0


def test_one_seed_has_a_mean_and_nothing_else() -> None:
    found = effect([np.array([[0.1, 0.3]])])
    assert found.mean == pytest.approx(0.2)
    assert found.interval().half_width is None
    assert found.p_value() == 1.0


@pytest.mark.parametrize(
    ("suites", "message"),
    [
        ([], "at least one of each"),
        ([np.empty((0, 3))], "at least one of each"),
        ([np.zeros(3)], "at least one of each"),
        ([np.zeros((2, 3)), np.zeros((3, 3))], "same seeds"),
        ([np.array([[0.1, np.nan]])], "NaN"),
    ],
)
def test_what_is_no_matrix_is_refused(suites: list[np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        effect(suites)


def test_many_pairs_at_once_are_the_pairs_one_by_one() -> None:
    suites = [np.random.default_rng(seed).normal(size=(5, 3, items)) for seed, items in ((0, 7), (1, 4))]
    one_by_one = [effect([values[place] for values in suites]) for place in range(5)]
    assert effects(suites) == one_by_one
