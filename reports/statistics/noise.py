"""How much a score moves when nothing changed: the same checkpoint, evaluated again with other random numbers (A/A)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.statistics.intervals import normal_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasurementNoise:
    """The noise of one evaluation of a suite."""

    sd: float
    """Standard deviation of the suite's score over repeated evaluations of one checkpoint, as a fraction."""
    flip_rate: float | None
    """Share of items that change between right and wrong from one answer to the next; None where scores of items are
    no shares of right answers."""
    evaluations: int
    """Of the same checkpoint, behind these numbers."""

    def band(self, level: float = 0.95, seeds: int = 1) -> float:
        """Return how far apart two means over `seeds` evaluations of the same checkpoint are, `level` of the time.

        Examples:
            >>> noise = MeasurementNoise(sd=0.01, flip_rate=0.2, evaluations=3)
            >>> round(100 * noise.band(), 2), round(100 * noise.band(seeds=4), 2)
            (2.77, 1.39)
        """
        return normal_quantile(level) * self.sd * math.sqrt(2 / seeds)


def noise_of_counts(correct_RI: NDArray[np.int64], samples: int) -> MeasurementNoise | None:
    """Return the noise of avg@K from R evaluations of n items with K samples each; None from a single answer per item.

    All R·K answers of an item are alike: its variance is p(1 - p)/K, unbiased from their share of right ones. The mean
    over n items varies by the sum of these over n².

    Args:
        correct_RI: Right answers, 0..K, shape (R, n).
        samples: K.

    Raises:
        ValueError: If a count is impossible or there is no item.
    """
    evaluations, items = _shape(correct_RI)
    drawn = evaluations * samples
    right_I = correct_RI.sum(axis=0)
    if (correct_RI < 0).any() or (correct_RI > samples).any():
        raise ValueError(f"right answers lie between 0 and {samples}, got {correct_RI.min()} to {correct_RI.max()}")
    if drawn < 2:
        return None
    within = float((right_I * (drawn - right_I)).sum()) / (drawn * (drawn - 1))
    return MeasurementNoise(
        sd=math.sqrt(within / samples) / items, flip_rate=2 * within / items, evaluations=evaluations
    )


def noise_of_scores(scores_RI: NDArray[np.float64]) -> MeasurementNoise | None:
    """Return the noise of any item-wise score from R evaluations of n items; None from a single one.

    Raises:
        ValueError: If there is no item.
    """
    evaluations, items = _shape(scores_RI)
    if evaluations < 2:
        return None
    variance = float(scores_RI.var(axis=0, ddof=1).sum())
    return MeasurementNoise(sd=math.sqrt(variance) / items, flip_rate=None, evaluations=evaluations)


def _shape(values: NDArray[np.float64] | NDArray[np.int64]) -> tuple[int, int]:
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"noise needs an array of evaluations x items, got shape {values.shape}")
    return values.shape[0], values.shape[1]
