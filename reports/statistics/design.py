"""What the interval of `reports.statistics.effects` will see of a plan: its power, and the seeds that it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from reports.statistics.effects import LIKE_THESE, Target
from reports.statistics.intervals import t_quantile
from reports.statistics.power import DEFAULT_VARIANCES, Variances

POWER = 0.8
MOST_SEEDS = 4096
"""A difference that takes more counts as out of reach."""
_POINTS = 200
"""Quantiles of a chi-squared distribution that stand for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteDesign:
    """How much is asked of one suite, and the noise of a difference there."""

    items: int
    samples: int
    """Per item, K."""
    variances: Variances = DEFAULT_VARIANCES

    @property
    def rest(self) -> float:
        """Variance of d[s, i] that neither seed nor item explains."""
        return self.variances.interaction + 2 * self.variances.within_item / self.samples


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """A comparison of two arms on the mean of some suites, before it is made."""

    seeds: int
    """Training seeds of each arm."""
    suites: tuple[SuiteDesign, ...]
    level: float = 0.95
    """Of the interval, after what many arms take from it."""
    margin: float = 0.0
    """That the estimate must pass too, as a fraction."""
    target: Target = LIKE_THESE

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise ValueError(f"an interval needs at least two seeds, got {self.seeds}")
        if not self.suites or any(suite.items < 1 or suite.samples < 1 for suite in self.suites):
            raise ValueError(f"a design needs suites with items and samples, got {self.suites}")

    @property
    def over_seeds(self) -> float:
        """Variance of the mean difference over seeds, on given items: seeds count as the same in all suites."""
        share = 1 / len(self.suites)
        sd = share * math.fsum(math.sqrt(2) * suite.variances.seed_sd for suite in self.suites)
        rest = math.fsum(share**2 * suite.rest / suite.items for suite in self.suites)
        return (sd**2 + rest) / self.seeds

    @property
    def over_items(self) -> float:
        """Variance of the mean difference over items; 0 where the claim is for these items."""
        if self.target != LIKE_THESE:
            return 0.0
        share = 1 / len(self.suites)
        return math.fsum(share**2 * suite.variances.between_items / suite.items for suite in self.suites)

    def power(self, difference: float) -> float:
        """Return the chance that a true `difference` (a fraction above 0) is found, in the right direction.

        For normal noise; the noise over items, which many items tell well, is taken at its mean.
        """
        import numpy as np
        from scipy.special import chdtri, ndtr

        freedom = self.seeds - 1
        quantiles = chdtri(freedom, (np.arange(_POINTS) + 0.5) / _POINTS) / freedom
        squares = t_quantile(self.level, freedom) ** 2 * self.over_seeds * quantiles + self._item_square()
        needed = np.maximum(np.sqrt(squares), self.margin)
        return float(ndtr((difference - needed) / math.sqrt(self.over_seeds + self.over_items)).mean())

    def detectable(self, power: float = POWER) -> float:
        """Return the smallest true difference that is found with `power`, as a fraction."""
        from scipy.optimize import brentq

        most = self.margin + 1.0
        while self.power(most) < power:
            most *= 2
        return float(brentq(lambda difference: self.power(difference) - power, 0.0, most, xtol=1e-9))

    def seeds_for(self, difference: float, power: float = POWER) -> float:
        """Return how many seeds find `difference` with `power`; infinity if no number up to `MOST_SEEDS` does."""
        low, high = 1, 2
        while replace(self, seeds=high).power(difference) < power:
            low, high = high, 2 * high
            if high > MOST_SEEDS:
                return math.inf
        while high - low > 1:
            middle = (low + high) // 2
            found = replace(self, seeds=middle).power(difference) >= power
            low, high = (low, middle) if found else (middle, high)
        return float(high)

    def _item_square(self) -> float:
        """Return what the noise over items adds to the square of the half-width, on average."""
        if self.target != LIKE_THESE:
            return 0.0
        share = 1 / len(self.suites)
        return math.fsum(
            (share * t_quantile(self.level, max(suite.items - 1, 1))) ** 2 * self._estimated(suite) / suite.items
            for suite in self.suites
        )

    def _estimated(self, suite: SuiteDesign) -> float:
        """Return the mean of the estimate of the variance over items, which is cut off at 0."""
        import numpy as np
        from scipy.special import chdtri

        freedom = max(suite.items - 1, 1)
        quantiles = chdtri(freedom, (np.arange(_POINTS) + 0.5) / _POINTS) / freedom
        squares = (suite.variances.between_items + suite.rest / self.seeds) * quantiles
        return float(np.maximum(squares - suite.rest / self.seeds, 0.0).mean())
