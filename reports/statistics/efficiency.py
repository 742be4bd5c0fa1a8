"""Score against compute: at equal compute, over all of it, and what a score costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def weights_at(compute_P: Sequence[float], amount: float) -> dict[int, float]:
    """Return the checkpoints whose weighted mean is the state at `amount`: linear between two, never beyond the ends.

    Args:
        compute_P: Compute spent until each checkpoint, rising.
        amount: In the same unit.

    Returns:
        Weight, above 0, by place in `compute_P`; empty where the amount lies outside, or compute is unknown (NaN).

    Examples:
        >>> weights_at([0, 100, 200], 150)
        {1: 0.5, 2: 0.5}
        >>> weights_at([0, 100, 200], 201)
        {}
    """
    for place, spent in enumerate(compute_P):
        if math.isnan(spent):
            return {}
        if math.isclose(spent, amount, rel_tol=1e-9, abs_tol=1e-12):
            return {place: 1.0}
        if spent > amount:
            if place == 0:
                return {}
            share = (amount - compute_P[place - 1]) / (spent - compute_P[place - 1])
            return {place - 1: 1.0 - share, place: share}
    return {}


def area_under(compute_P: Sequence[float], scores_P: Sequence[float], until: float) -> float | None:
    """Return the mean score over compute from the first checkpoint until `until`; None where that lies beyond the last.

    Examples:
        >>> area_under([0, 100, 200], [0.0, 0.2, 0.2], until=200)
        0.15
    """
    at = weights_at(compute_P, until)
    if not at or until <= compute_P[0]:
        return None
    places = [(spent, score) for spent, score in zip(compute_P, scores_P, strict=True) if spent < until]
    places.append((until, math.fsum(weight * scores_P[place] for place, weight in at.items())))
    pairs = pairwise(places)
    area = math.fsum((right[0] - left[0]) * (left[1] + right[1]) / 2 for left, right in pairs)
    return area / (until - compute_P[0])


def compute_to(compute_P: Sequence[float], scores_P: Sequence[float], target: float) -> float:
    """Return the compute at which the score first reaches `target`, linear between checkpoints; infinity if never.

    Examples:
        >>> compute_to([0, 100, 200], [0.1, 0.2, 0.4], target=0.3)
        150.0
        >>> compute_to([0, 100], [0.1, 0.2], target=0.3)
        inf
    """
    for place, score in enumerate(scores_P):
        if score >= target:
            if place == 0:
                return float(compute_P[0])
            share = (target - scores_P[place - 1]) / (score - scores_P[place - 1])
            return float(compute_P[place - 1] + share * (compute_P[place] - compute_P[place - 1]))
    return math.inf


@dataclass(frozen=True, kw_only=True, slots=True)
class Censored:
    """The median of values some of which may be infinite, with an interval between two of them."""

    median: float
    low: float
    high: float
    coverage: float
    """That the interval really has: S values can't give more than 1 - 2^(1 - S)."""
    missed: int
    """Values that are infinite."""


def censored_median(values_S: Sequence[float], level: float = 0.95) -> Censored:
    """Return the median over S seeds and the narrowest interval of order statistics that covers it, if one does.

    Raises:
        ValueError: If there is no value, or one is NaN.

    References:
        David and Nagaraja 2003, Order Statistics, section 7.1: valid whatever the distribution, misses included.

    Examples:
        >>> censored_median([3.0, math.inf, 1.0])
        Censored(median=3.0, low=1.0, high=inf, coverage=0.75, missed=1)
    """
    from scipy.special import bdtr

    values = sorted(float(value) for value in values_S)
    if not values or any(math.isnan(value) for value in values):
        raise ValueError(f"a median needs at least one known value, got {list(values_S)}")
    count, middle = len(values), (len(values) - 1) // 2
    median = values[middle] if count % 2 else (values[middle] + values[middle + 1]) / 2
    coverages = [1 - 2 * float(bdtr(cut, count, 0.5)) for cut in range(middle + 1)]
    enough = [cut for cut, coverage in enumerate(coverages) if coverage >= level]
    cut = enough[-1] if enough else 0
    return Censored(
        median=median,
        low=values[cut],
        high=values[count - 1 - cut],
        coverage=max(0.0, coverages[cut]),
        missed=sum(math.isinf(value) for value in values),
    )


def pareto_front(costs: Sequence[float], scores: Sequence[float], tolerance: float = 0.0) -> list[int]:
    """Return the places that no other one beats: none costs at most as much and scores at least as much, one strictly.

    A place with an unknown (NaN) cost or score is on no front.

    Args:
        costs: Compute.
        scores: Higher is better.
        tolerance: Costs that differ by less than this share count as equal: cells stop at the first step past a budget.

    Examples:
        >>> pareto_front([1, 2, 3], [0.2, 0.1, 0.3])
        [0, 2]
    """
    known = [place for place in range(len(costs)) if not math.isnan(costs[place]) and not math.isnan(scores[place])]

    def beaten(place: int) -> bool:
        return any(
            costs[other] <= costs[place] * (1 + tolerance)
            and scores[other] >= scores[place]
            and (costs[other] < costs[place] * (1 - tolerance) or scores[other] > scores[place])
            for other in known
        )

    return [place for place in known if not beaten(place)]


def cost_profile(costs_AT: NDArray[np.float64], factors: Sequence[float]) -> NDArray[np.float64]:
    """Return, for each arm, the share of tasks that it solved for at most each factor times the cheapest arm's compute.

    Args:
        costs_AT: Compute to reach the target of each task, shape (arms, tasks); infinity for a miss, NaN for unknown,
            which counts as a miss.
        factors: At least 1 each.

    Returns:
        Shares, shape (arms, factors); a task that no arm solved is solved by none.

    References:
        Dolan and More 2002, https://doi.org/10.1007/s101070100263; Dahl et al. 2023 (AlgoPerf), arXiv 2306.07179.
    """
    import numpy as np

    costs = np.where(np.isnan(costs_AT), np.inf, costs_AT)
    cheapest_T = costs.min(axis=0)
    with np.errstate(invalid="ignore"):
        ratios = np.where(np.isinf(costs), np.inf, costs / cheapest_T)
    return np.stack([(ratios <= factor * (1 + 1e-12)).mean(axis=1) for factor in factors], axis=1)
