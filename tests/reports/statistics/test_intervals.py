from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from reports.statistics import Interval, mean_interval, paired_difference, side

VALUES = st.lists(st.floats(-1, 1), min_size=2, max_size=12)


def test_three_seeds_by_hand() -> None:
    # mean 2, sd 1, t(2, 0.975) = 4.3026527: 4.3026527 / sqrt(3) = 2.4841377
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.mean == 2.0
    assert interval.half_width == pytest.approx(2.4841377, abs=1e-6)


@given(VALUES)
def test_the_interval_is_scipys(values: list[float]) -> None:
    ours = mean_interval(values)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    if error > 1e-12:
        low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
        assert ours.low == pytest.approx(low, abs=1e-9)
        assert ours.high == pytest.approx(high, abs=1e-9)


def test_the_interval_is_statsmodels() -> None:
    values = [0.21, 0.25, 0.19, 0.3]
    low, high = DescrStatsW(values).tconfint_mean(alpha=0.1)
    ours = mean_interval(values, level=0.9)
    assert ours.low == pytest.approx(low, abs=1e-9)
    assert ours.high == pytest.approx(high, abs=1e-9)


@given(VALUES)
def test_a_paired_interval_is_scipys(values: list[float]) -> None:
    other = [value * 0.5 + 0.1 * place for place, value in enumerate(values)]
    ours = paired_difference(values, other)
    if ours.half_width is not None and ours.half_width > 1e-9:
        theirs = stats.ttest_rel(values, other).confidence_interval(0.95)
        assert ours.low == pytest.approx(theirs.low, abs=1e-9)
        assert ours.high == pytest.approx(theirs.high, abs=1e-9)


def test_pairing_takes_the_seeds_own_level_out() -> None:
    difference = paired_difference([0.15, 0.35, 0.55], [0.1, 0.3, 0.5])
    assert difference.mean == pytest.approx(0.05)
    assert difference.half_width == pytest.approx(0.0, abs=1e-12)


def test_one_value_has_a_mean_and_no_interval() -> None:
    interval = mean_interval([0.3])
    assert (interval.mean, interval.count) == (0.3, 1)
    assert interval.half_width is None
    assert interval.low is None
    assert interval.high is None


def test_no_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval([])


def test_a_missing_value_is_an_error_not_a_silent_nan() -> None:
    with pytest.raises(ValueError, match="leave out what is missing"):
        mean_interval([0.1, math.nan])


def test_a_level_outside_0_to_1_is_an_error() -> None:
    with pytest.raises(ValueError, match="got 95"):
        mean_interval([0.1, 0.2], level=95)


def test_unequal_seeds_are_an_error() -> None:
    with pytest.raises(ValueError, match="got 2 and 1"):
        paired_difference([0.1, 0.2], [0.1])


@pytest.mark.parametrize(
    ("mean", "half_width", "expected"),
    [
        (0.05, 0.04, "above"),
        (-0.05, 0.04, "below"),
        (0.05, 0.05, "can't tell"),
        (0.0, 0.04, "can't tell"),
        (0.5, 0.0, "can't tell"),  # three equal differences: coarse scores, not sure ones
        (0.5, None, "can't tell"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(mean: float, half_width: float | None, expected: str) -> None:
    assert side(Interval(mean=mean, count=3, half_width=half_width)) == expected


@pytest.mark.parametrize("values", [(0.5, 0.6, 0.7), (0.1, 0.2, 0.3)])
def test_differences_that_agree_to_the_last_bit_or_nearly_tell_nothing(values: tuple[float, ...]) -> None:
    """0.7 - 0.4 is not 0.3 in binary: what is left of the width must not count as one."""
    assert side(paired_difference(values, (0.2, 0.3, 0.4))) == "can't tell"
