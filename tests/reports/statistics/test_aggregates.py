from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from reports.statistics.aggregates import iqm, optimality_gap, performance_profile, probability_of_improvement

Matrix = NDArray[np.float64]

NAN = math.nan
SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 6))
SCORES = st.integers(-8, 8).map(lambda eighths: eighths / 8)  # coarse, so that ties happen
MATRICES = SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=SCORES))
PAIRS = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5)).flatmap(
    lambda size: st.tuples(
        arrays(np.float64, (size[0], size[2]), elements=SCORES), arrays(np.float64, (size[1], size[2]), elements=SCORES)
    )
)
CALLS: dict[str, Callable[[ArrayLike], object]] = {
    "iqm": iqm,
    "optimality_gap": optimality_gap,
    "probability_of_improvement": lambda scores: probability_of_improvement(scores, scores),
    "performance_profile": lambda scores: performance_profile(scores, [0.5]),
}


def test_the_iqm_leaves_out_a_quarter_at_either_end_rounded_down() -> None:
    # 10 cells: 2 are left out at either end, 3..8 remain
    assert iqm(np.arange(1.0, 11.0).reshape(5, 2)) == pytest.approx(5.5, abs=1e-12)
    # 6 cells: 1 is left out at either end
    assert iqm([[0.0, 1.0, 2.0], [3.0, 6.0, 900.0]]) == pytest.approx((1 + 2 + 3 + 6) / 4, abs=1e-12)


@given(MATRICES)
def test_the_iqm_is_scipys_trimmed_mean(scores_ST: Matrix) -> None:
    assert iqm(scores_ST) == pytest.approx(stats.trim_mean(scores_ST, 0.25, axis=None), abs=1e-9)


@given(MATRICES, st.floats(0.1, 10), st.floats(-10, 10))
def test_the_iqm_moves_with_the_scores_and_not_with_the_order_of_runs(
    scores_ST: Matrix, scale: float, shift: float
) -> None:
    assert iqm(scale * scores_ST[::-1] + shift) == pytest.approx(scale * iqm(scores_ST) + shift, abs=1e-9)
    assert scores_ST.min() <= iqm(scores_ST) <= scores_ST.max()


def test_the_iqm_is_not_moved_by_an_outlier_however_large() -> None:
    scores_ST = np.arange(8.0).reshape(4, 2)
    scores_ST[3, 1] = 1e300
    assert iqm(scores_ST) == pytest.approx(3.5, abs=1e-12)


def test_runs_left_of_a_task_share_its_weight() -> None:
    scores_ST = [[0.0, 10.0], [1.0, 10.0], [2.0, NAN]]
    # 5 cells: the first task's weigh 5/6, the second's 5/4. 1 is cut at either end: 0 goes wholly and 1/6 of the 1.
    kept = {1.0: 5 / 6 - 1 / 6, 2.0: 5 / 6, 10.0: 5 / 2 - 1}
    assert iqm(scores_ST) == pytest.approx(sum(x * w for x, w in kept.items()) / 3, abs=1e-12)


@given(arrays(np.float64, (4, 3), elements=SCORES), st.integers(2, 4))
def test_a_task_with_more_runs_counts_no_more_than_the_others(scores_ST: Matrix, times: int) -> None:
    # The first task has each of its runs several times, which would draw every aggregate towards it.
    ragged_ST = np.full((4 * times, 3), NAN)
    ragged_ST[:4] = scores_ST
    ragged_ST[:, 0] = np.tile(scores_ST[:, 0], times)
    assert iqm(ragged_ST) == pytest.approx(iqm(scores_ST), abs=1e-9)
    assert optimality_gap(ragged_ST) == pytest.approx(optimality_gap(scores_ST), abs=1e-9)
    levels = [-0.5, 0.0, 0.3]
    assert performance_profile(ragged_ST, levels) == pytest.approx(performance_profile(scores_ST, levels), abs=1e-9)
    assert probability_of_improvement(ragged_ST, -scores_ST) == pytest.approx(
        probability_of_improvement(scores_ST, -scores_ST), abs=1e-9
    )


def test_the_optimality_gap_by_hand() -> None:
    # Shortfalls 0.5, 0.25, 0, 0: scores beyond the target make up for nothing
    assert optimality_gap([[0.5, 0.75], [1.0, 7.0]]) == pytest.approx(0.1875, abs=1e-12)
    assert optimality_gap([[0.5, 0.75], [1.0, 7.0]], target=2.0) == pytest.approx((1.5 + 1.25 + 1 + 0) / 4, abs=1e-12)
    # Tasks of 2 and 1 runs: (0.5 + 0) / 2 = 0.25 and 0.75
    assert optimality_gap([[0.5, 0.25], [1.0, NAN]]) == pytest.approx((0.25 + 0.75) / 2, abs=1e-12)


@given(MATRICES, st.floats(-1, 1))
def test_the_optimality_gap_is_rliables_formula(scores_ST: Matrix, target: float) -> None:
    assert optimality_gap(scores_ST, target) == pytest.approx(target - np.minimum(scores_ST, target).mean(), abs=1e-9)
    assert optimality_gap(scores_ST, target) >= 0


@given(PAIRS)
def test_the_probability_of_improvement_is_the_mean_of_scipys_u_by_pairs(pair: tuple[Matrix, Matrix]) -> None:
    x_ST, y_ST = pair
    u_T = [stats.mannwhitneyu(x_S, y_S).statistic for x_S, y_S in zip(x_ST.T, y_ST.T, strict=True)]
    expected = np.mean(u_T) / (len(x_ST) * len(y_ST))
    assert probability_of_improvement(x_ST, y_ST) == pytest.approx(expected, abs=1e-9)


@given(PAIRS)
def test_either_side_improves_or_the_other_does(pair: tuple[Matrix, Matrix]) -> None:
    there = probability_of_improvement(*pair)
    assert 0 <= there <= 1
    assert there + probability_of_improvement(*pair[::-1]) == pytest.approx(1.0, abs=1e-12)
    assert probability_of_improvement(pair[0], pair[0]) == pytest.approx(0.5, abs=1e-12)
    assert probability_of_improvement(np.exp(pair[0]), np.exp(pair[1])) == pytest.approx(there, abs=1e-12)


def test_the_probability_of_improvement_takes_the_runs_that_are_there() -> None:
    # First task: 2 > 1, one pair. Second: of 0, 3 against 1, 3 the 3 beats 1 and ties 3: 1.5 of 4.
    x_ST, y_ST = [[2.0, 0.0], [NAN, 3.0]], [[NAN, 1.0], [1.0, 3.0]]
    assert probability_of_improvement(x_ST, y_ST) == pytest.approx((1 + 1.5 / 4) / 2, abs=1e-12)


def test_sides_with_other_tasks_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same tasks on both sides, got 2 and 1"):
        probability_of_improvement([[1.0, 2.0]], [[1.0]])


def test_the_profile_counts_what_lies_above_and_not_on_a_threshold() -> None:
    scores_ST = [[0.0, 1.0], [0.5, 1.0]]
    assert performance_profile(scores_ST, [1.0, -1.0, 0.5, 0.25]).tolist() == [0.0, 1.0, 0.5, 0.75]
    # The second task's one run weighs as much as both of the first's
    assert performance_profile([[0.0, 1.0], [0.5, NAN]], [0.25]).tolist() == pytest.approx([0.75], abs=1e-12)


@given(MATRICES, st.lists(SCORES, min_size=1, max_size=5))
def test_the_profile_is_rliables_run_score_distribution(scores_ST: Matrix, thresholds: list[float]) -> None:
    expected = [np.mean(scores_ST > threshold) for threshold in thresholds]
    assert performance_profile(scores_ST, thresholds) == pytest.approx(expected, abs=1e-9)


@given(arrays(np.float64, SHAPES, elements=st.integers(0, 8).map(lambda eighths: eighths / 8)))
def test_the_area_under_the_profile_is_the_mean(scores_ST: Matrix) -> None:
    steps = (np.arange(8) + 0.5) / 8
    assert performance_profile(scores_ST, steps).mean() == pytest.approx(scores_ST.mean(), abs=1e-9)


@pytest.mark.parametrize("thresholds", [[], [NAN], [[0.5]]])
def test_a_profile_without_thresholds_is_an_error(thresholds: list[float]) -> None:
    with pytest.raises(ValueError, match="needs a list of thresholds without NaN, got"):
        performance_profile([[1.0]], thresholds)


def test_a_target_that_is_no_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs a finite target, got nan"):
        optimality_gap([[1.0]], target=NAN)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([], r"runs x tasks with at least one cell, got shape \(0,\)"),
        ([[], []], r"at least one cell, got shape \(2, 0\)"),
        ([1.0, 2.0], r"matrix of runs x tasks .*, got shape \(2,\)"),
        ([[NAN, NAN]], "at least one cell, got 1 x 2 of NaN only"),
        ([[1.0, NAN], [0.0, NAN]], r"got none for task 1 of 2 \(counted from 0\); leave it out for all arms"),
        ([[1.0, 0.0], [0.0, -math.inf]], "must be finite, or NaN where missing, got -inf in run 1, task 1"),
    ],
)
def test_scores_that_cannot_be_summed_up_are_errors(name: str, scores: list[list[float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CALLS[name](scores)
