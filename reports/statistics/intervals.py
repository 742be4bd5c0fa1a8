"""Intervals over training seeds, the unit of replication."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Side = Literal["above", "below", "can't tell"]

_ROUNDING = 1e-9
"""Half-width below which an interval of scores has none: 0.5 - 0.2 and 0.7 - 0.4 differ in the last bit, and no score
has steps this small."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A mean with its two-sided interval, in the unit of the values it came from."""

    mean: float
    count: int
    """Number of values (seeds, or pairs of seeds) behind the mean."""
    half_width: float | None
    """Distance from the mean to either end; None for a single value, which has no interval."""

    @property
    def low(self) -> float | None:
        """The lower end, or None when there is no interval."""
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """The upper end, or None when there is no interval."""
        return None if self.half_width is None else self.mean + self.half_width

    @property
    def flat(self) -> bool:
        """Whether all values were the same, but for rounding."""
        return self.half_width is not None and self.half_width < _ROUNDING


def mean_interval(values_S: Sequence[float], level: float = 0.95) -> Interval:
    """Return the mean of S independent values and its Student-t interval with S - 1 degrees of freedom.

    One value gives a mean without an interval.

    Args:
        values_S: One number per seed.
        level: Coverage of the interval, between 0 and 1.

    Raises:
        ValueError: If there is no value, or one that isn't finite.

    Examples:
        >>> interval = mean_interval([1.0, 2.0, 3.0])
        >>> interval.mean, round(interval.half_width, 3)
        (2.0, 2.484)
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level of an interval lies between 0 and 1, got {level}")
    values = [float(value) for value in values_S]
    if not values:
        raise ValueError("an interval needs at least one value, got none")
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"an interval needs finite values, got {values}; leave out what is missing")
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Interval(mean=mean, count=1, half_width=None)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return Interval(mean=mean, count=count, half_width=t_quantile(level, count - 1) * math.sqrt(variance / count))


def paired_difference(values_S: Sequence[float], reference_S: Sequence[float], level: float = 0.95) -> Interval:
    """Return the mean of `values - reference`, paired by position (seed), and its Student-t interval.

    Raises:
        ValueError: If the two differ in length, or as `mean_interval`.

    Examples:
        >>> paired_difference([3.0, 5.0], [1.0, 3.0]).half_width
        0.0
    """
    if len(values_S) != len(reference_S):
        raise ValueError(
            f"pairs need as many values as references, got {len(values_S)} and {len(reference_S)}; "
            "keep only the seeds that both have"
        )
    pairs = zip(values_S, reference_S, strict=True)
    return mean_interval([float(value) - float(reference) for value, reference in pairs], level)


def side(difference: Interval) -> Side:
    """Return on which side of zero the whole interval lies; touching zero, or no interval, is "can't tell".

    So is an interval without width: with a few seeds differences are now and then exactly the same.
    """
    if difference.low is None or difference.high is None or difference.flat:
        return "can't tell"
    if difference.low > 0:
        return "above"
    return "below" if difference.high < 0 else "can't tell"


def normal_quantile(level: float) -> float:
    """Return the two-sided critical value of the normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


@lru_cache(maxsize=256)
def t_quantile(level: float, degrees_of_freedom: float) -> float:
    """Return the two-sided Student-t critical value; a report asks for a few of them again and again."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, 0.5 + level / 2))
