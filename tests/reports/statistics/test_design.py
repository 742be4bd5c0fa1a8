from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from reports.statistics.design import Design, SuiteDesign
from reports.statistics.effects import LIKE_THESE, THESE, effect
from reports.statistics.power import Variances

QUIET = Variances(between_items=0.0, within_item=0.0, seed_sd=0.01)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_with_seed_noise_alone_the_power_is_that_of_students_test(seeds: int) -> None:
    design = Design(seeds=seeds, suites=(SuiteDesign(items=100, samples=8, variances=QUIET),), target=THESE)
    shift = 0.03 / (0.01 * math.sqrt(2 / seeds))
    critical = stats.t.ppf(0.975, seeds - 1)
    assert design.power(0.03) == pytest.approx(stats.nct.sf(critical, seeds - 1, shift), abs=0.002)


@pytest.mark.parametrize(
    ("sd_points", "points", "normal"),
    [(0.5, 1, 4), (1, 1, 16), (1.5, 1, 36), (2, 1, 63), (2, 2, 16), (3, 3, 16), (1, 2, 4)],
)
def test_unpaired_seeds_per_arm(sd_points: float, points: float, normal: int) -> None:
    """By the normal approximation 16 seeds tell a point at a seed sd of one; Student's t takes three more at most."""
    variances = Variances(between_items=0.0, within_item=0.0, seed_sd=sd_points / 100)
    design = Design(seeds=2, suites=(SuiteDesign(items=1000, samples=8, variances=variances),), target=THESE)
    found = design.seeds_for(points / 100)
    theirs = TTestPower().solve_power(effect_size=points / sd_points / math.sqrt(2), alpha=0.05, power=0.8)
    assert found == math.ceil(theirs)
    assert normal <= found <= normal + 3


def test_the_detectable_difference_is_detected_four_times_in_five() -> None:
    design = Design(seeds=4, suites=(SuiteDesign(items=60, samples=4),))
    assert design.power(design.detectable()) == pytest.approx(0.8, abs=1e-6)


def test_a_margin_and_a_higher_level_cost_power() -> None:
    suites = (SuiteDesign(items=500, samples=8, variances=QUIET),)
    plain = Design(seeds=5, suites=suites, target=THESE)
    assert Design(seeds=5, suites=suites, target=THESE, level=0.99).detectable() > plain.detectable()
    assert Design(seeds=5, suites=suites, target=THESE, margin=0.05).detectable() > 0.05 > plain.detectable()


def test_items_that_are_too_few_are_no_matter_of_seeds() -> None:
    design = Design(seeds=3, suites=(SuiteDesign(items=30, samples=16),), target=LIKE_THESE)
    assert math.isinf(design.seeds_for(0.03))


def test_the_power_is_what_simulated_plans_have() -> None:
    variances = Variances(between_items=0.02, within_item=0.1, seed_sd=0.02, interaction=0.01)
    design = Design(seeds=4, suites=(SuiteDesign(items=80, samples=2, variances=variances),))
    rng, found, plans = np.random.default_rng(5), 0, 600
    for _ in range(plans):
        seed = rng.normal(0, math.sqrt(2) * 0.02, (4, 1))
        item = rng.normal(0, math.sqrt(0.02), (1, 80))
        rest = rng.normal(0, math.sqrt(0.01 + 2 * 0.1 / 2), (4, 80))
        low = effect([0.08 + seed + item + rest]).interval().low
        found += low is not None and low > 0
    error = math.sqrt(0.25 / plans)
    assert found / plans == pytest.approx(design.power(0.08), abs=3 * error)


@pytest.mark.parametrize("change", [{"seeds": 1}, {"suites": ()}, {"suites": (SuiteDesign(items=0, samples=1),)}])
def test_no_design_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Design(**{"seeds": 3, "suites": (SuiteDesign(items=5, samples=1),), **change})  # type: ignore[arg-type]
