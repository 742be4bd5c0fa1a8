from __future__ import annotations

import math

import numpy as np
import pytest

from reports.statistics.noise import MeasurementNoise, noise_of_counts, noise_of_scores


def test_two_evaluations_by_hand() -> None:
    # Item 1: 1 of 4 right, p(1-p) unbiased 1*3/(4*3) = 1/4; item 2: 4 of 4, 0. Sum 1/4, over K = 2 and n^2 = 4.
    found = noise_of_counts(np.array([[1, 2], [0, 2]]), samples=2)
    assert found is not None
    assert found.sd == pytest.approx(math.sqrt(0.25 / 2) / 2)
    assert found.flip_rate == pytest.approx(2 * 0.25 / 2)
    assert found.evaluations == 2


def test_it_is_the_spread_of_evaluations() -> None:
    rng = np.random.default_rng(0)
    chances = rng.beta(1, 1, 60)
    scores = rng.binomial(4, chances, (4000, 60)).mean(axis=1) / 4
    found = noise_of_counts(rng.binomial(4, chances, (50, 60)), samples=4)
    assert found is not None
    assert found.sd == pytest.approx(scores.std(ddof=1), rel=0.05)


def test_a_model_that_always_says_the_same_has_no_noise() -> None:
    found = noise_of_counts(np.array([[1, 0, 1], [1, 0, 1]]), samples=1)
    assert found == MeasurementNoise(sd=0.0, flip_rate=0.0, evaluations=2)


def test_one_answer_an_item_says_nothing_of_noise() -> None:
    assert noise_of_counts(np.array([[1, 0]]), samples=1) is None
    assert noise_of_scores(np.array([[0.5, 0.2]])) is None


def test_scores_that_are_no_counts_need_two_evaluations() -> None:
    found = noise_of_scores(np.array([[0.2, 0.6], [0.4, 0.6]]))
    assert found is not None
    assert found.sd == pytest.approx(math.sqrt(0.02) / 2)
    assert found.flip_rate is None


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 2"):
        noise_of_counts(np.array([[3]]), samples=2)
    with pytest.raises(ValueError, match="evaluations x items"):
        noise_of_counts(np.empty((2, 0), dtype=int), samples=2)
