"""How steady an arm is: between seeds, and from one evaluation to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How final scores differ between training seeds, as fractions."""

    sd: float
    low: float
    high: float
    """Ends of the 95% interval of the standard deviation, for normal scores."""
    worst: float
    """The lowest score."""


def spread(values_S: Sequence[float], level: float = 0.95) -> Spread | None:
    """Return the standard deviation over S seeds with its chi-squared interval; None for fewer than two.

    Raises:
        ValueError: If a value isn't finite.

    Examples:
        >>> found = spread([0.1, 0.2, 0.3])
        >>> round(found.sd, 3), round(found.low, 3), round(found.high, 3), found.worst
        (0.1, 0.052, 0.628, 0.1)
    """
    import numpy as np
    from scipy.special import chdtri

    values = np.asarray(values_S, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError(f"a spread needs finite scores, got {list(values_S)}; leave out what is missing")
    if len(values) < 2:
        return None
    freedom, doubt = len(values) - 1, (1 - level) / 2
    sd = float(values.std(ddof=1))
    squares = freedom * sd**2
    return Spread(
        sd=sd,
        low=math.sqrt(squares / chdtri(freedom, doubt)),
        high=math.sqrt(squares / chdtri(freedom, 1 - doubt)),
        worst=float(values.min()),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Fall:
    """A fall from one evaluation to the next that measurement alone doesn't explain."""

    at: int
    """Place of the evaluation that is lower, from 0."""
    size: float
    """As a fraction, above 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """The scores of one seed over its evaluations."""

    gains: float
    """Share of periods that end higher than they began, by more than the band."""
    volatility: float | None
    """Standard deviation of the changes from one evaluation to the next; None for a single change."""
    drawdown: float
    """Largest fall below the best score until then, as a fraction, 0 or more."""
    jumps: tuple[Fall, ...]
    """Falls larger than the band: erratic."""
    rollbacks: tuple[Fall, ...]
    """Where one would have gone back to the best checkpoint, had one watched: the score is below it by more than the
    band. Not again before it is back within the band."""


def trajectory(scores_P: Sequence[float], band: float) -> Trajectory:
    """Return how steadily a score went up.

    Args:
        scores_P: Of one seed, in the order of its evaluations, the untrained model first; at least two.
        band: How far apart two evaluations of one checkpoint may be by measurement alone, as a fraction.

    Raises:
        ValueError: If there are fewer than two scores or one isn't finite.

    Examples:
        >>> found = trajectory([0.1, 0.3, 0.2, 0.35], band=0.05)
        >>> found.gains, round(found.drawdown, 3), [fall.at for fall in found.jumps]
        (0.6666666666666666, 0.1, [2])
    """
    scores = [float(score) for score in scores_P]
    if len(scores) < 2 or not all(math.isfinite(score) for score in scores):
        raise ValueError(f"a trajectory needs at least two finite scores, got {list(scores_P)}")
    changes = [after - before for before, after in pairwise(scores)]
    best, drawdown, away, rollbacks = scores[0], 0.0, False, []
    for place, score in enumerate(scores):
        best = max(best, score)
        drawdown = max(drawdown, best - score)
        if best - score > band and not away:
            rollbacks.append(Fall(at=place, size=best - score))
        away = best - score > band
    mean = math.fsum(changes) / len(changes)
    return Trajectory(
        gains=sum(change > band for change in changes) / len(changes),
        volatility=math.sqrt(math.fsum((change - mean) ** 2 for change in changes) / (len(changes) - 1))
        if len(changes) > 1
        else None,
        drawdown=drawdown,
        jumps=tuple(Fall(at=place + 1, size=-change) for place, change in enumerate(changes) if -change > band),
        rollbacks=tuple(rollbacks),
    )
