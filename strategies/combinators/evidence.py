"""Whether a bonus pays: the correlation of what was given with the change that followed, and how high it may be.

Shape suffixes: N observations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from strategies.gradient.agreement import pearson

Z = 1.6448536269514722
"""95% of a standard normal distribution lie below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Payoff:
    """How what was given goes with what followed."""

    r: float
    """Correlation of bonus and change, given the level before the change."""
    upper: float
    """Upper end of its one-sided 95% interval."""
    count: int
    """Observations."""


def payoff(observed: Sequence[Sequence[float]], least: int) -> Payoff | None:
    """Return how bonus and change go together; None if there are fewer than `least`, or bonus or change has no spread.

    Args:
        observed: For each: bonus, level before, change.
        least: Observations that are needed, at least 5.

    References:
        Fisher 1924 for the partial correlation: atanh(r) has standard error 1 / √(N − 4) with one variable held.
    """
    if len(observed) < least:
        return None
    bonus_N, before_N, change_N = torch.tensor(observed, dtype=torch.float64).T
    if bonus_N.max() == bonus_N.min() or change_N.max() == change_N.min():
        return None
    r = max(-1.0, min(1.0, pearson(_residual(bonus_N, before_N), _residual(change_N, before_N))))
    bound = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, r))) + Z / math.sqrt(len(observed) - 4)
    return Payoff(r=r, upper=math.tanh(bound), count=len(observed))


def in_words(followed: str, found: Payoff | None, count: int) -> str:
    """Return what is known of the bonus and of what followed, in one clause, from `count` observations."""
    if found is None:
        return f"bonus against {followed}: too little to tell ({count} observations)"
    return f"bonus against {followed}: r {found.r:.2f}, at most {found.upper:.2f} ({found.count} observations)"


def _residual(values_N: Tensor, given_N: Tensor) -> Tensor:
    """Return what a line in `given` leaves of `values`."""
    centred, line = values_N - values_N.mean(), given_N - given_N.mean()
    length = line @ line
    return centred if length == 0 else centred - (centred @ line) / length * line
