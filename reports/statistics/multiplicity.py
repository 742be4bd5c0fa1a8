"""Many comparisons at once: what may still be claimed of each."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the order given: the chance of one false claim among all stays below them.

    Raises:
        ValueError: If a value is no probability.

    References:
        Holm 1979, Scandinavian Journal of Statistics 6.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = _ascending(p_values)
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def holm_levels(p_values: Sequence[float], level: float = 0.95) -> list[float]:
    """Return the level of the interval of each comparison that excludes zero just when Holm's method rejects.

    The smallest of m p-values is held to (1 - level)/m, the next to (1 - level)/(m - 1), and so on; from the first one
    that fails, all are held to what that one was.

    Examples:
        >>> [round(level, 4) for level in holm_levels([0.001, 0.2, 0.04])]
        [0.9833, 0.975, 0.975]
    """
    doubt, levels, failed = 1 - level, [level] * len(p_values), False
    held = doubt / max(len(p_values), 1)
    for rank, place in enumerate(_ascending(p_values)):
        if not failed:
            held = doubt / (len(p_values) - rank)
            failed = p_values[place] > held
        levels[place] = 1 - held
    return levels


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return Benjamini and Hochberg's adjusted p-values: the expected share of false claims among all claims.

    Raises:
        ValueError: If a value is no probability.

    References:
        Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57.

    Examples:
        >>> benjamini_hochberg([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    order = _ascending(p_values)
    adjusted, lowest = [0.0] * len(p_values), 1.0
    for rank in range(len(order) - 1, -1, -1):
        place = order[rank]
        lowest = min(lowest, p_values[place] * len(order) / (rank + 1))
        adjusted[place] = lowest
    return adjusted


def tie_ranks(scores: Sequence[float], separated: Sequence[Sequence[bool]]) -> list[int]:
    """Return ranks where all that are not separated from the leader of their group share its rank.

    The highest score leads the first group; of those separated from it, the highest leads the next, whose rank counts
    all before it, as in a race.

    Args:
        scores: Of each arm, higher is better.
        separated: Whether arm a was told apart from arm b; symmetric.

    Examples:
        >>> tie_ranks([0.5, 0.4, 0.2], [[False, False, True], [False, False, False], [True, False, False]])
        [1, 1, 3]
    """
    ranks = [0] * len(scores)
    left = sorted(range(len(scores)), key=lambda place: -scores[place])
    while left:
        leader, rank = left[0], 1 + sum(found > 0 for found in ranks)
        tied = [place for place in left if place == leader or not separated[leader][place]]
        for place in tied:
            ranks[place] = rank
        left = [place for place in left if place not in tied]
    return ranks


def _ascending(p_values: Sequence[float]) -> list[int]:
    if not all(0.0 <= value <= 1.0 for value in p_values):
        raise ValueError(f"p-values lie between 0 and 1, got {list(p_values)}")
    return sorted(range(len(p_values)), key=lambda place: p_values[place])
