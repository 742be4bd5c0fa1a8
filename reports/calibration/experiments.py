"""What is asked of simulated comparisons: false verdicts, coverage, power, errors over many arms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from reports.calibration.many import Effects, effects
from reports.calibration.truth import Drawn, Truth, draw
from reports.statistics import LIKE_THESE, THESE, Design, Rule, SuiteDesign, Target, Variances

LEVEL = 0.95
SEEDS, ITEMS, SAMPLES = (3, 5, 10), (50, 500), (1, 8)
SPREADS: tuple[tuple[str, dict[str, object]], ...] = (
    ("none", {"seed_sd": 0.0}),
    ("1 point", {"seed_sd": 0.01}),
    ("3 points", {"seed_sd": 0.03}),
    ("3 points, skewed", {"seed_sd": 0.03, "kind": "skewed"}),
)
"""How much seeds differ."""
ARMS = 10
CHUNK = 4_000_000
"""Differences in memory at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Width:
    """How an interval did."""

    coverage: float
    ratio: float
    """Its mean width by that of the 95% interval for which the true variances are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Null:
    """Comparisons of two arms that don't differ."""

    truth: Truth
    seeds_differ: str
    comparisons: int
    these: Width
    like: Width
    moments: Width
    """Satterthwaite's interval, for items like these."""
    false: float
    """Share of intervals for items like these that lie clear of zero."""
    verdicts: float
    """Share that the default rule calls improved or regressed."""


def nulls(comparisons: int, rng: np.random.Generator) -> Iterator[Null]:
    """Yield false verdicts and coverage for every number of seeds, items and samples, and every kind of seeds."""
    for (name, spread), seeds, items, samples in product(SPREADS, SEEDS, ITEMS, SAMPLES):
        truth = Truth(seeds=seeds, items=items, samples=samples, **spread)  # type: ignore[arg-type]
        yield null(truth, name, comparisons, rng)


def null(truth: Truth, name: str, comparisons: int, rng: np.random.Generator) -> Null:
    """Return how intervals do where nothing differs."""
    parts = [(_alone(found), drawn) for found, drawn in _simulated(truth, comparisons, rng)]
    mean = np.concatenate([found.mean for found, _ in parts])
    error = mean - np.concatenate([drawn.on_these[:, 0] for _, drawn in parts])
    halves = {
        target: np.concatenate([found.half_width(LEVEL, target) for found, _ in parts])
        for target in (THESE, LIKE_THESE)
    }
    moments = np.concatenate([found.satterthwaite(LEVEL) for found, _ in parts])
    clear = np.abs(mean) > halves[LIKE_THESE]
    return Null(
        truth=truth,
        seeds_differ=name,
        comparisons=comparisons,
        these=_width(error, halves[THESE], truth, THESE),
        like=_width(mean, halves[LIKE_THESE], truth, LIKE_THESE),
        moments=_width(mean, moments, truth, LIKE_THESE),
        false=float(clear.mean()),
        verdicts=float((clear & (np.abs(mean) > Rule().margin)).mean()),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Powered:
    """Comparisons of two arms that differ by what the plan says it detects."""

    truth: Truth
    comparisons: int
    printed: float
    found: float


def powers(comparisons: int, rng: np.random.Generator) -> Iterator[Powered]:
    """Yield the power that a plan prints beside that which simulated plans have."""
    for seeds, items, samples in product(SEEDS, ITEMS, SAMPLES):
        plain = Truth(seeds=seeds, items=items, samples=samples, seed_sd=0.01)
        sought = _design(plain).detectable()
        truth = replace(plain, difference=sought)
        found = [
            _alone(one).mean > _alone(one).half_width(LEVEL, LIKE_THESE)
            for one, _ in _simulated(truth, comparisons, rng)
        ]
        yield Powered(
            truth=truth,
            comparisons=comparisons,
            printed=_design(truth).power(sought),
            found=float(np.concatenate(found).mean()),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Comparisons of ten arms that don't differ with one baseline."""

    truth: Truth
    comparisons: int
    any_false: float
    """Share in which at least one arm is told from the baseline (Holm)."""


def families(comparisons: int, rng: np.random.Generator) -> Iterator[Family]:
    """Yield how often any of ten arms is told from a baseline that it doesn't differ from."""
    for seeds, items in product(SEEDS, ITEMS):
        truth = Truth(seeds=seeds, items=items, samples=8, seed_sd=0.01, item_sd=0.0, arms=ARMS)
        # Holm rejects anything at all just when the smallest p-value is below its first share.
        first = 1 - (1 - LEVEL) / ARMS
        wrong = [
            (np.abs(found.mean) > found.half_width(first, LIKE_THESE)).any(axis=1)
            for found, _ in _simulated(truth, comparisons, rng)
        ]
        yield Family(truth=truth, comparisons=comparisons, any_false=float(np.concatenate(wrong).mean()))


def true_variance(truth: Truth, target: Target) -> float:
    """Return the variance of a mean difference around its truth."""
    of_seeds = 2 * truth.seed_sd**2 / truth.seeds
    of_samples = 2 * truth.within / (truth.samples * truth.items * truth.seeds)
    return of_seeds + of_samples + (truth.item_sd**2 / truth.items if target == LIKE_THESE else 0.0)


def _simulated(truth: Truth, comparisons: int, rng: np.random.Generator) -> Iterator[tuple[Effects, Drawn]]:
    size = max(1, CHUNK // (truth.arms * truth.seeds * truth.items))
    for start in range(0, comparisons, size):
        drawn = draw(truth, min(size, comparisons - start), rng)
        yield effects(drawn.differences), drawn


def _alone(found: Effects) -> Effects:
    """Return the effects of the first arm."""
    return Effects(found.mean[:, 0], found.over_seeds[:, 0], found.over_items[:, 0], found.seeds, found.items)


def _width(error: np.ndarray, half: np.ndarray, truth: Truth, target: Target) -> Width:
    oracle = 1.959964 * math.sqrt(true_variance(truth, target))
    return Width(coverage=float((np.abs(error) <= half).mean()), ratio=float(half.mean()) / oracle)


def _design(truth: Truth) -> Design:
    variances = Variances(between_items=truth.item_sd**2, within_item=truth.within, seed_sd=truth.seed_sd)
    suite = SuiteDesign(items=truth.items, samples=truth.samples, variances=variances)
    return Design(seeds=truth.seeds, suites=(suite,), level=LEVEL)
