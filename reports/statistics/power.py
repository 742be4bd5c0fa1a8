"""What a plan can see before a token is spent: detectable differences, and the seeds or items for one.

Scores and differences are fractions: 0.01 is one point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Variances:
    """The three sources of noise of a difference between two arms."""

    between_items: float = 1 / 9
    """Variance over items of the true difference (Miller 2024); 0 asks about these very items."""
    within_item: float = 1 / 6
    """Variance of one sample around its item's true score, for each arm (Miller 2024)."""
    seed_sd: float = 0.01
    """Standard deviation of one arm's score over training seeds, as a fraction."""
    interaction: float = 0.0
    """Variance of what training with a seed does to the difference on single items, beyond the samples' own."""

    def __post_init__(self) -> None:
        for name in ("between_items", "within_item", "seed_sd", "interaction"):
            value = getattr(self, name)
            if not value >= 0:
                raise ValueError(f"Variances.{name} can't be negative, got {value}")


DEFAULT_VARIANCES = Variances()


def detectable_difference(
    seeds: int,
    items: int,
    samples: int,
    variances: Variances = DEFAULT_VARIANCES,
    degrees_of_freedom: float = math.inf,
) -> float:
    """Return the smallest true difference that a two-sided 5% test finds with 80% power, as a fraction.

    The variance of the mean difference is 2 sd²/S + ω²/n + 2 σ²/(S n K): seeds of the two arms count as
    independent (pairing can only help), items are shared by both arms and by all seeds.

    Args:
        seeds: Training seeds per arm, S.
        items: Items of the suite, n.
        samples: Samples per item, K.
        variances: The three sources of noise.
        degrees_of_freedom: Of the t quantile that the verdict will use: S - 1 for a paired interval over
            seeds. The default is the normal approximation, which is optimistic below some ten seeds.

    Raises:
        ValueError: If a count or the degrees of freedom are not positive.

    References:
        Miller 2024, https://arxiv.org/abs/2411.00640, section 5, with a term for training seeds.

    Examples:
        >>> round(100 * detectable_difference(1, 30, 16, Variances(seed_sd=0.0)), 1)
        18.6
    """
    _require_positive(seeds=seeds, items=items, samples=samples, degrees_of_freedom=degrees_of_freedom)
    per_seed = 2 * variances.seed_sd**2 + 2 * variances.within_item / (items * samples)
    standard_error = math.sqrt(per_seed / seeds + variances.between_items / items)
    return _standardized_effect(degrees_of_freedom) * standard_error


def items_to_detect(difference: float, samples: float, variances: Variances = DEFAULT_VARIANCES) -> int:
    """Return how many items detect `difference` between two fixed models (no training seeds).

    Normal approximation, 80% power, two-sided 5%; `samples=math.inf` takes each item's score as known.

    Raises:
        ValueError: If an argument is not positive.

    References:
        Miller 2024, https://arxiv.org/abs/2411.00640, section 5.

    Examples:
        >>> items_to_detect(0.03, samples=math.inf)
        969
    """
    _require_positive(difference=difference, samples=samples)
    per_item = variances.between_items + 2 * variances.within_item / samples
    return math.ceil((_standardized_effect(math.inf) / difference) ** 2 * per_item)


def _standardized_effect(degrees_of_freedom: float) -> float:
    """Return the difference in standard errors that a two-sided 5% t test finds with 80% power."""
    from scipy.optimize import brentq
    from scipy.special import nctdtr, ndtri, stdtrit

    if math.isinf(degrees_of_freedom):
        return float(ndtri(0.975) + ndtri(0.8))
    critical = float(stdtrit(degrees_of_freedom, 0.975))

    def missing_power(effect: float) -> float:
        far_tail = float(nctdtr(degrees_of_freedom, effect, -critical))
        # SciPy returns NaN where this tail is below 1e-15.
        found = 1 - float(nctdtr(degrees_of_freedom, effect, critical))
        return found + (0.0 if math.isnan(far_tail) else far_tail) - 0.8

    return float(brentq(missing_power, 0.0, 1.3 * critical + 1.5, xtol=1e-12))


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
