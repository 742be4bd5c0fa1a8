"""`reports.statistics.effects` for thousands of comparisons at once; a test holds the two together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from reports.statistics import LIKE_THESE, Target

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Effects:
    """Many effects; every array has the leading shape of the differences."""

    mean: NDArray[np.float64]
    over_seeds: NDArray[np.float64]
    """Variance of the mean from how seeds differ on these items."""
    over_items: NDArray[np.float64]
    """What the choice of items adds."""
    seeds: int
    items: int

    def half_width(self, level: float, target: Target) -> NDArray[np.float64]:
        """Return half the width of the intervals that the project uses."""
        square = _quantile(level, self.seeds - 1) ** 2 * self.over_seeds
        if target == LIKE_THESE:
            square = square + _quantile(level, self.items - 1) ** 2 * self.over_items
        return np.asarray(np.sqrt(square))

    def satterthwaite(self, level: float) -> NDArray[np.float64]:
        """Return half the width for items like these by the moment estimator with Satterthwaite's approximation."""
        variance = self.over_seeds + self.over_items
        terms = self.over_seeds**2 / (self.seeds - 1) + self.over_items**2 / (self.items - 1)
        freedom = variance**2 / np.maximum(terms, 1e-300)
        return np.asarray(stdtrit(np.maximum(freedom, 1.0), 0.5 + level / 2) * np.sqrt(variance))


def effects(differences: NDArray[np.float64]) -> Effects:
    """Return the effects of many comparisons.

    Args:
        differences: Shape (..., S, n).
    """
    seeds, items = differences.shape[-2:]
    by_seed, by_item = differences.mean(axis=-1), differences.mean(axis=-2)
    mean = by_seed.mean(axis=-1)
    over_seeds = by_seed.var(axis=-1, ddof=1) / seeds
    total = ((differences - mean[..., None, None]) ** 2).sum(axis=(-2, -1))
    of_seeds = items * by_seed.var(axis=-1) * seeds
    of_items = seeds * by_item.var(axis=-1) * items
    rest = np.maximum(total - of_seeds - of_items, 0.0) / ((seeds - 1) * (items - 1))
    over_items = np.maximum(of_items / (items - 1) - rest, 0.0) / (seeds * items)
    return Effects(mean, over_seeds, over_items, seeds, items)


def _quantile(level: float, freedom: int) -> float:
    return float(stdtrit(freedom, 0.5 + level / 2))
