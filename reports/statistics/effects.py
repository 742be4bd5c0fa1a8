"""The difference between two arms over training seeds and items, both of which are samples of something larger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reports.statistics.intervals import Interval, t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Target = Literal["these items", "items like these"]
"""What a difference is claimed for: the items that were asked, or items of which they are a sample."""
LIKE_THESE: Target = "items like these"
THESE: Target = "these items"


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """A part of the variance of a mean, as estimated."""

    variance: float
    degrees_of_freedom: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Components:
    """What the differences d[s, i] of one suite vary by, as variances of single values (method of moments)."""

    between_seeds: float
    """Of a seed's mean over all items there could be; 0 where the estimate is negative, as all of these."""
    between_items: float
    """Of an item's mean over all seeds there could be."""
    rest: float
    """Of what neither explains: what training did to single items, and the K samples of an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """A mean difference with the noise in it, in the unit of the scores (fractions)."""

    mean: float
    seeds: int
    """Pairs of seeds, S."""
    items: tuple[int, ...]
    """Items of each suite, n."""
    over_seeds: Noise | None
    """Of the mean, from how seeds differ on these items; samples within an item are in it. None for one seed."""
    over_items: tuple[Noise, ...]
    """What the choice of the items adds, for each suite."""
    components: tuple[Components, ...]
    """Of each suite; empty for one seed."""

    @property
    def flat(self) -> bool:
        """Whether all seeds differ by the same amount, but for rounding: coarse scores, not seeds that agree."""
        return self.over_seeds is not None and self.over_seeds.variance < _ROUNDING

    @property
    def identical(self) -> bool:
        """Whether every item scored the same in both arms, in each of several seeds."""
        moved = [(part.between_seeds, part.between_items, part.rest) for part in self.components]
        return self.flat and self.mean == 0 and not any(variance for parts in moved for variance in parts)

    def interval(self, level: float = 0.95, target: Target = LIKE_THESE) -> Interval:
        """Return the mean with its two-sided interval; one seed has none.

        The squares of the half-widths that each part of the noise would have by itself are added. With seeds alone this
        is Student's t interval, exactly; with items too it covers a little more than its level, never less.

        References:
            Howe 1974, https://doi.org/10.1080/01621459.1974.10480178; Graybill and Wang 1980 for the idea. How it
            compares with Satterthwaite's approximation is measured by `explorebench calibrate`.
        """
        noises = self._noises(target)
        if self.over_seeds is None or (self.flat and not any(noise.variance for noise in noises[1:])):
            half = None if self.over_seeds is None else 0.0
            return Interval(mean=self.mean, count=self.seeds, half_width=half)
        square = math.fsum(t_quantile(level, noise.degrees_of_freedom) ** 2 * noise.variance for noise in noises)
        return Interval(mean=self.mean, count=self.seeds, half_width=math.sqrt(square))

    def p_value(self, target: Target = LIKE_THESE) -> float:
        """Return the level of doubt at which the interval just reaches zero: 1 - level; 1 where it has no width."""
        from scipy.optimize import brentq
        from scipy.special import stdtr

        if self.over_seeds is None or self.flat or self.mean == 0:
            return 1.0
        noises = [noise for noise in self._noises(target) if noise.variance > 0]
        if len(noises) == 1:
            statistic = abs(self.mean) / math.sqrt(noises[0].variance)
            return float(2 * stdtr(noises[0].degrees_of_freedom, -statistic))

        def beyond(log_doubt: float) -> float:
            half = self.interval(1 - math.exp(log_doubt), target).half_width
            return abs(self.mean) - (half or 0.0)

        if beyond(_SMALLEST) > 0:
            return math.exp(_SMALLEST)
        # With as many degrees of freedom as any part of the noise has, or as few, the value is in closed form.
        statistic = abs(self.mean) / math.sqrt(math.fsum(noise.variance for noise in noises))
        freedoms = [noise.degrees_of_freedom for noise in noises]
        ends = [2 * float(stdtr(freedom, -statistic)) for freedom in (max(freedoms), min(freedoms))]
        low, high = (math.log(max(end, math.exp(_SMALLEST))) for end in ends)
        return math.exp(brentq(beyond, max(low - _ROOM, _SMALLEST), min(high + _ROOM, 0.0), xtol=1e-10))

    def _noises(self, target: Target) -> tuple[Noise, ...]:
        seeds = () if self.over_seeds is None else (self.over_seeds,)
        return seeds + (self.over_items if target == LIKE_THESE else ())


_ROUNDING = 1e-18
"""Variance of a mean below which seeds are all the same."""
_SMALLEST = math.log(1e-12)
"""No smaller p-value is told from this one."""
_ROOM = 0.01
"""For rounding, around the logarithm of a p-value."""


def effect(differences: Sequence[NDArray[np.float64]]) -> Effect:
    """Return the mean difference over seeds, items and suites, with its noise.

    Seeds and items are crossed: every seed was asked every item. For one suite, with d̄ the mean of d[s, i]:
    Var(d̄) = σ²_seed/S + σ²_item/n + σ²_rest/(S n). The first and last are what seed means vary by on these items; the
    second is (MS_items − MS_rest)/(S n), at least 0. For several suites d̄ is the plain mean of their means: a seed is
    the same seed in all of them, their items are drawn apart.

    Args:
        differences: For each suite, an array (S, n) of arm less baseline, paired by seed and item, K samples averaged.

    Raises:
        ValueError: If there is no suite, seed or item, the suites have other seeds, or a value isn't finite.

    References:
        Searle, Casella and McCulloch 1992, Variance Components, chapter 4 (crossed two-way, no replication).
    """
    import numpy as np

    return effects([np.asarray(values, dtype=float)[None] for values in differences])[0]


def effects(differences_PSI: Sequence[NDArray[np.float64]]) -> list[Effect]:
    """Return what `effect` does of each of P pairs of arms that have the same seeds and items.

    Args:
        differences_PSI: For each suite, an array (P, S, n).

    Raises:
        ValueError: As `effect`.
    """
    import numpy as np

    _require_whole(differences_PSI)
    seeds, share = differences_PSI[0].shape[1], 1 / len(differences_PSI)
    by_seed_PS = np.mean([values.mean(axis=2) for values in differences_PSI], axis=0)
    means = [math.fsum(by_seed_S) / seeds for by_seed_S in by_seed_PS]
    sizes = tuple(values.shape[2] for values in differences_PSI)
    if seeds == 1:
        return [
            Effect(mean=mean, seeds=1, items=sizes, over_seeds=None, over_items=(), components=()) for mean in means
        ]
    variances = (by_seed_PS.var(axis=1, ddof=1) / seeds).tolist()
    parts_of = zip(*(components(values) for values in differences_PSI), strict=True)
    return [
        Effect(
            mean=mean,
            seeds=seeds,
            items=sizes,
            over_seeds=Noise(variance=variance, degrees_of_freedom=seeds - 1),
            over_items=tuple(
                Noise(variance=share**2 * part.between_items / size, degrees_of_freedom=max(size - 1, 1))
                for part, size in zip(parts, sizes, strict=True)
            ),
            components=parts,
        )
        for mean, variance, parts in zip(means, variances, parts_of, strict=True)
    ]


def components(differences_PSI: NDArray[np.float64]) -> list[Components]:
    """Return the variance components of each pair on one suite; a single item has no variance over items.

    Args:
        differences_PSI: Arm less baseline, shape (P, S, n), S of at least 2.
    """
    _, seeds, items = differences_PSI.shape
    of_seed_PS, of_item_PI = differences_PSI.mean(axis=2), differences_PSI.mean(axis=1)
    between_S = (items * of_seed_PS.var(axis=1, ddof=1)).tolist()
    if items == 1:
        return [Components(between_seeds=one, between_items=0.0, rest=0.0) for one in between_S]
    between_I = (seeds * of_item_PI.var(axis=1, ddof=1)).tolist()
    rest_PSI = differences_PSI - of_seed_PS[:, :, None]
    rest_PSI -= of_item_PI[:, None]
    rest_PSI += differences_PSI.mean(axis=(1, 2))[:, None, None]
    rest_P = ((rest_PSI**2).sum(axis=(1, 2)) / ((seeds - 1) * (items - 1))).tolist()
    return [
        Components(
            between_seeds=max(0.0, (over_seeds - rest) / items),
            between_items=max(0.0, (over_items - rest) / seeds),
            rest=rest,
        )
        for over_seeds, over_items, rest in zip(between_S, between_I, rest_P, strict=True)
    ]


def _require_whole(suites: Sequence[NDArray[np.float64]]) -> None:
    import numpy as np

    if not suites or any(values.ndim != 3 or 0 in values.shape for values in suites):
        shapes = [values.shape[1:] for values in suites]
        raise ValueError(f"an effect needs arrays of seeds x items, at least one of each; got shapes {shapes}")
    if len({values.shape[1] for values in suites}) > 1:
        counts = [values.shape[1] for values in suites]
        raise ValueError(f"every suite needs the same seeds, got {counts} of them; keep the seeds that all have")
    if not all(np.isfinite(values).all() for values in suites):
        raise ValueError("an effect needs finite differences, got NaN or infinity; keep the items that both have")
