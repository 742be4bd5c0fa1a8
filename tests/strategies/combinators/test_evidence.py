"""Whether a bonus pays: the partial correlation against least squares, and its bound by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.combinators.evidence import in_words, payoff


def test_the_correlation_is_that_of_residuals() -> None:
    rng = np.random.default_rng(0)
    bonus, before, change = rng.normal(size=(3, 12))
    ones = np.stack([np.ones(12), before], axis=1)
    left = [values - ones @ np.linalg.lstsq(ones, values, rcond=None)[0] for values in (bonus, change)]
    found = payoff(np.stack([bonus, before, change], axis=1).tolist(), 8)
    assert found is not None
    assert found.r == pytest.approx(np.corrcoef(*left)[0, 1])
    assert math.atanh(found.upper) - math.atanh(found.r) == pytest.approx(1.6448536 / math.sqrt(12 - 4))
    assert found.count == 12


def test_a_level_that_falls_back_by_itself_is_no_evidence() -> None:
    """The bonus follows the level, and what is high falls: a plain correlation would call the bonus harmful."""
    rng, blamed = np.random.default_rng(1), 0
    for _ in range(400):
        level, noise = rng.normal(size=30), 0.1 * rng.normal(size=(2, 30))
        bonus, change = level + noise[0], -level + noise[1]
        assert np.corrcoef(bonus, change)[0, 1] < -0.9
        found = payoff(np.stack([bonus, level, change], axis=1).tolist(), 8)
        assert found is not None
        blamed += found.upper < 0
    assert 5 <= blamed <= 37, "a bonus without effect is blamed once in twenty: 20 times, standard deviation 4.4"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_tie_has_a_bound_of_its_sign(sign: int) -> None:
    found = payoff([[float(one), float(one % 3 == 0), float(sign * one)] for one in range(10)], 8)
    assert found is not None
    assert found.r == pytest.approx(sign)
    assert found.upper * sign > 0.9


def test_too_little_says_nothing() -> None:
    seven = [[float(one), 0.0, float(one)] for one in range(7)]
    assert payoff(seven, 8) is None
    assert payoff([[0.5, float(one), float(one)] for one in range(9)], 8) is None
    assert payoff([[float(one), float(one), 0.0] for one in range(9)], 8) is None
    assert in_words("reward", None, 7) == "bonus against reward: too little to tell (7 observations)"
    found = payoff([*seven, [7.0, 0.0, 7.0]], 8)
    assert in_words("reward", found, 8) == "bonus against reward: r 1.00, at most 1.00 (8 observations)"
