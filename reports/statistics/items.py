"""Which items were gained and lost between two sets of answers, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from reports.statistics.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DOUBT = 0.05
"""Share of false claims that is allowed among the items that are called changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemChanges:
    """What became of the items of a suite; places in the order of the items."""

    gained: tuple[int, ...]
    """Higher than before, largest gain first."""
    lost: tuple[int, ...]
    """Lower than before, largest loss first."""
    certain: frozenset[int]
    """Those whose change is more than the noise of their samples (Benjamini-Hochberg at 5% over the suite)."""
    p_value: float
    """Of the sign test on gained against lost; with one answer per item, McNemar's exact test. It is about these two
    sets of answers: what another training seed would do is not in it."""


def item_changes(before_I: NDArray[np.int64], after_I: NDArray[np.int64], drawn: tuple[int, int]) -> ItemChanges:
    """Return which items were gained and lost.

    Args:
        before_I: Right answers of each item, shape (n,).
        after_I: The same afterwards.
        drawn: Answers drawn per item, before and after.

    Raises:
        ValueError: If the two differ in length, or a count is above what was drawn.
    """
    if before_I.shape != after_I.shape or before_I.ndim != 1:
        raise ValueError(f"changes need the same items before and after, got {before_I.shape} and {after_I.shape}")
    if (before_I > drawn[0]).any() or (after_I > drawn[1]).any():
        raise ValueError(f"more right answers than the {drawn[0]} and {drawn[1]} that were drawn")
    change_I = after_I / drawn[1] - before_I / drawn[0]
    order = sorted(range(len(change_I)), key=lambda place: -abs(change_I[place]))
    gained = tuple(place for place in order if change_I[place] > 0)
    lost = tuple(place for place in order if change_I[place] < 0)
    adjusted = benjamini_hochberg([_fisher(int(b), int(a), *drawn) for b, a in zip(before_I, after_I, strict=True)])
    return ItemChanges(
        gained=gained,
        lost=lost,
        certain=frozenset(place for place, value in enumerate(adjusted) if value <= DOUBT),
        p_value=sign_test(len(gained), len(lost)),
    )


def sign_test(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value that as many are gained as lost; McNemar's exact test on discordant pairs.

    References:
        McNemar 1947, https://doi.org/10.1007/BF02295996.

    Examples:
        >>> sign_test(5, 0)
        0.0625
    """
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


@lru_cache(maxsize=65536)
def _fisher(before: int, after: int, drawn_before: int, drawn_after: int) -> float:
    """Return the p-value of Fisher's exact test on right and wrong answers of one item."""
    from scipy.stats import fisher_exact

    table = [[before, drawn_before - before], [after, drawn_after - after]]
    return min(1.0, float(fisher_exact(table).pvalue))
