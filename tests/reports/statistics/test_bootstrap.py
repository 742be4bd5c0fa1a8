from __future__ import annotations

import math
import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from reports.statistics.aggregates import iqm
from reports.statistics.bootstrap import pigeonhole_interval, stratified_iqm_interval

Matrix = NDArray[np.float64]

NAN = math.nan
MATRICES = arrays(
    np.float64, st.tuples(st.integers(2, 5), st.integers(2, 5)), elements=st.integers(-8, 8).map(lambda n: n / 8)
)
INTERVALS = {"stratified": stratified_iqm_interval, "pigeonhole": pigeonhole_interval}


def rng() -> np.random.Generator:
    return np.random.default_rng(6)


def test_two_runs_of_one_task_by_hand() -> None:
    # The mean of 0 and 1 drawn twice is 0, 1/2 or 1 with 1/4, 1/2, 1/4: a 60% interval is all of it, a 40% one the half
    assert stratified_iqm_interval([[0.0], [1.0]], rng(), level=0.6) == (0.0, 1.0)
    assert stratified_iqm_interval([[0.0], [1.0]], rng(), level=0.4) == (0.5, 0.5)


def test_runs_are_drawn_within_each_task() -> None:
    # Tasks far apart and the same for all runs: were cells drawn from the pool, the mean would vary
    assert stratified_iqm_interval([[0.0, 9.0], [0.0, 9.0]], rng()) == (4.5, 4.5)


@pytest.mark.parametrize(("runs", "tasks"), [(5, 7), (20, 30)])
def test_the_interval_is_that_of_resampling_one_by_one(runs: int, tasks: int) -> None:
    # Runs differ in all tasks alike, so drawing the same runs for all tasks would be several times as wide.
    scores_ST = np.linspace(-1, 1, runs)[:, None] + 0.1 * np.random.default_rng(1).normal(size=(runs, tasks))
    slow = np.random.default_rng(2)
    draws = (slow.integers(runs, size=(runs, tasks)) for _ in range(3000))
    means = [stats.trim_mean(scores_ST[draw, np.arange(tasks)], 0.25, axis=None) for draw in draws]
    # A simulated end of 3000 is off by some 0.05 deviations, of which an interval has four.
    expected = np.quantile(means, [0.025, 0.975])
    assert stratified_iqm_interval(scores_ST, rng()) == pytest.approx(expected, abs=0.05 * np.ptp(expected))


def test_tasks_of_unequal_runs_are_drawn_each_from_its_own() -> None:
    scores_ST = np.array([[0.0, 5.0], [8.0, 5.0], [NAN, 5.0]])
    slow = np.random.default_rng(2)
    draws = [(slow.integers(2, size=2), slow.integers(3, size=3)) for _ in range(2000)]
    means = [iqm(np.array([[*scores_ST[one, 0], NAN], scores_ST[three, 1]]).T) for one, three in draws]
    assert stratified_iqm_interval(scores_ST, rng(), level=0.9) == pytest.approx(np.quantile(means, [0.05, 0.95]))


@settings(max_examples=50)
@given(MATRICES, st.floats(0.5, 2), st.floats(-3, 3), st.sampled_from(sorted(INTERVALS)))
def test_an_interval_moves_with_the_values(values: Matrix, scale: float, shift: float, name: str) -> None:
    low, high = INTERVALS[name](values, rng(), 200)
    assert values.min() - 1e-12 <= low <= high <= values.max() + 1e-12
    moved = INTERVALS[name](scale * values + shift, rng(), 200)
    assert moved == pytest.approx((scale * low + shift, scale * high + shift), abs=1e-9)


@pytest.mark.parametrize("name", INTERVALS)
def test_the_generator_decides(name: str) -> None:
    values = np.random.default_rng(3).normal(size=(10, 20))
    assert INTERVALS[name](values, rng(), 500) == INTERVALS[name](values, rng(), 500)
    assert INTERVALS[name](values, rng(), 500) != INTERVALS[name](values, np.random.default_rng(7), 500)


@pytest.mark.parametrize("name", INTERVALS)
def test_more_repetitions_take_the_memory_of_their_means_only(name: str) -> None:
    values = np.random.default_rng(3).normal(size=(10, 20))
    few, many = (peak_bytes(name, values, repetitions) for repetitions in (2_000, 22_000))
    # A mean is 8 bytes, and finding quantiles copies it a few times; a resample is 8 bytes x 30 and more.
    assert many - few < 20_000 * 8 * 6


def peak_bytes(name: str, values: Matrix, repetitions: int) -> int:
    tracemalloc.start()
    try:
        INTERVALS[name](values, rng(), repetitions)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", INTERVALS)
def test_a_higher_level_is_wider(name: str) -> None:
    values = np.random.default_rng(3).normal(size=(6, 9))
    narrow, wide = (INTERVALS[name](values, rng(), level=level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_pigeonholes_of_two_seeds_and_two_items_are_all_sixteen() -> None:
    difference_SI = np.array([[0.0, 1.0], [3.0, 8.0]])
    means = [
        difference_SI[np.ix_(seeds, items)].mean() for seeds, items in product(product((0, 1), repeat=2), repeat=2)
    ]
    # Shares are multiples of 1/16, and no end of these levels is near one
    for level in (0.2, 0.45, 0.7, 0.95):
        expected = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
        assert pigeonhole_interval(difference_SI, rng(), 40_000, level) == tuple(expected)


def test_pigeonholes_count_seeds_and_items_and_three_times_the_rest() -> None:
    # Owen 2007: the expected variance is about a²/S + b²/I + 3 e²/(S I)
    draw = np.random.default_rng(4)
    S, I, a, b, e = 40, 60, 0.5, 0.3, 1.0  # noqa: E741
    widths = []
    for _ in range(30):
        noise_SI = e * draw.normal(size=(S, I))
        low, high = pigeonhole_interval(a * draw.normal(size=(S, 1)) + b * draw.normal(size=I) + noise_SI, rng(), 2000)
        widths.append((high - low) / 2 / stats.norm.ppf(0.975))
    expected = math.sqrt(a**2 * (1 - 1 / S) / S + b**2 * (1 - 1 / I) / I + 3 * e**2 / (S * I))
    assert np.sqrt(np.mean(np.square(widths))) == pytest.approx(expected, rel=0.06)


def test_missing_pairs_weigh_nothing() -> None:
    # What is there is 2 everywhere, so no resample has another mean, nor one without any cell a NaN
    difference_SI = np.array([[2.0, NAN, NAN], [NAN, 2.0, NAN], [NAN, NAN, NAN]])
    assert pigeonhole_interval(difference_SI, rng()) == (2.0, 2.0)
    whole = np.random.default_rng(5).normal(size=(4, 6))
    padded = np.pad(whole, ((0, 2), (0, 3)), constant_values=NAN)
    assert pigeonhole_interval(padded, rng()) == pigeonhole_interval(whole, rng())


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([[1.0, 2.0]], r"at least 2 runs of every task, got 1 for task 0, 1 of 2"),
        ([[1.0, 2.0], [1.0, NAN]], r"got 1 for task 1 of 2 .*; add seeds, or give the score without an interval"),
        ([[NAN], [NAN]], "at least one cell, got 2 x 1 of NaN only"),
        ([[1.0], [math.inf]], "must be finite"),
    ],
)
def test_scores_without_an_interval_are_errors(scores: list[list[float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stratified_iqm_interval(scores, rng())


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ([1.0, 2.0], r"matrix of seeds x items, got shape \(2,\)"),
        ([[1.0, 2.0]], "at least 2 of each with a difference, got 1 seeds and 2 items"),
        ([[1.0, NAN], [2.0, NAN]], "got 2 seeds and 1 items"),
        ([[NAN, NAN], [NAN, NAN]], "got 0 seeds and 0 items"),
        ([[]], "got 0 seeds and 0 items"),
        ([[1.0, 2.0], [-math.inf, 2.0]], "got -inf in seed 1, item 0"),
    ],
)
def test_differences_without_an_interval_are_errors(difference: list[list[float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pigeonhole_interval(difference, rng())


@pytest.mark.parametrize("name", INTERVALS)
def test_levels_and_repetitions_that_give_no_interval_are_errors(name: str) -> None:
    values = np.eye(2)
    for level in (0.0, 1.0, 95.0, NAN):
        with pytest.raises(ValueError, match="level of an interval lies between 0 and 1, got"):
            INTERVALS[name](values, rng(), level=level)
    with pytest.raises(ValueError, match="needs at least 40 repetitions, got 39"):
        INTERVALS[name](values, rng(), repetitions=39)
