from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from reports.statistics import (
    Variances,
    detectable_difference,
    items_to_detect,
    paired_difference,
    side,
)

ITEMS_ONLY = Variances(seed_sd=0.0)
SEEDS_ONLY = Variances(between_items=0.0, within_item=0.0)


def test_miller_needs_969_items_for_3_points() -> None:
    assert items_to_detect(0.03, samples=math.inf) == 969


def test_miller_sees_13_2_points_with_one_sample_and_7_5_with_ten() -> None:
    # The paper's example of n = 198 items; it cuts 13.27 and 7.57 where we would round.
    assert 100 * detectable_difference(1, 198, 1, ITEMS_ONLY) == pytest.approx(13.2, abs=0.1)
    assert 100 * detectable_difference(1, 198, 10, ITEMS_ONLY) == pytest.approx(7.5, abs=0.1)


@pytest.mark.parametrize(
    ("items", "samples", "points"),
    [(30, 1, 34), (30, 8, 20), (30, 16, 18.6), (30, 64, 17.4), (500, 8, 4.9), (1000, 16, 3.2)],
)
def test_the_table_of_smallest_visible_differences(items: int, samples: int, points: float) -> None:
    assert 100 * detectable_difference(1, items, samples, ITEMS_ONLY) == pytest.approx(points, rel=0.02)


@pytest.mark.parametrize("seeds", [3, 5, 10, 31])
def test_the_t_form_has_80_percent_power_by_statsmodels(seeds: int) -> None:
    difference = detectable_difference(seeds, 10**9, 1, SEEDS_ONLY, degrees_of_freedom=seeds - 1)
    effect = difference / (math.sqrt(2) * SEEDS_ONLY.seed_sd)
    assert TTestPower().power(effect, nobs=seeds, alpha=0.05) == pytest.approx(0.8, abs=1e-9)


def test_two_seeds_have_80_percent_power_by_scipy() -> None:
    # statsmodels returns NaN at one degree of freedom.
    difference = detectable_difference(2, 10**9, 1, SEEDS_ONLY, degrees_of_freedom=1)
    effect_in_errors = difference / SEEDS_ONLY.seed_sd
    assert stats.nct.sf(stats.t.ppf(0.975, 1), 1, effect_in_errors) == pytest.approx(0.8, abs=1e-9)


def test_power_is_what_it_says_when_simulated() -> None:
    seeds, repeats = 5, 2000
    difference = detectable_difference(seeds, 10**9, 1, SEEDS_ONLY, degrees_of_freedom=seeds - 1)
    rng = np.random.default_rng(3)
    arms = rng.normal(0.0, SEEDS_ONLY.seed_sd, size=(repeats, 2, seeds))
    found = [side(paired_difference(arm + difference, other)) == "above" for arm, other in arms]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


def test_more_of_anything_sees_smaller_differences() -> None:
    start = detectable_difference(3, 200, 8)
    assert detectable_difference(6, 200, 8) < start
    assert detectable_difference(3, 400, 8) < start
    assert detectable_difference(3, 200, 16) < start


def test_nothing_to_replicate_is_an_error() -> None:
    with pytest.raises(ValueError, match="degrees_of_freedom must be positive, got 0"):
        detectable_difference(1, 200, 8, degrees_of_freedom=0)
    with pytest.raises(ValueError, match="items must be positive, got 0"):
        detectable_difference(3, 0, 8)
    with pytest.raises(ValueError, match="seed_sd can't be negative, got -1"):
        Variances(seed_sd=-1.0)
