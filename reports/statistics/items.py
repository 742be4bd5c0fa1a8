"""Which items were gained and lost between two sets of answers, and whether that is more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from reports.statistics.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DOUBT = 0.05
"""Share of false claims that is allowed among the items that are called changed."""
ROUNDING = 1e-12
"""Tables whose chances differ by less, as a share, count as equally likely."""


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
    changes: list[float] = change_I.tolist()  # single numbers of an array are slow to come by
    order = sorted(range(len(changes)), key=lambda place: -abs(changes[place]))
    gained = tuple(place for place in order if changes[place] > 0)
    lost = tuple(place for place in order if changes[place] < 0)
    adjusted = benjamini_hochberg(_fisher(before_I, after_I, drawn))
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
    from scipy.special import bdtr

    return min(1.0, 2.0 * float(bdtr(min(gained, lost), gained + lost, 0.5))) if gained + lost else 1.0


def _fisher(before_I: NDArray[np.int64], after_I: NDArray[np.int64], drawn: tuple[int, int]) -> list[float]:
    """Return for each item the two-sided p-value of Fisher's exact test on its right and wrong answers."""
    return [
        _fisher_by_before(total, *drawn)[before]
        for before, total in zip(before_I.tolist(), (before_I + after_I).tolist(), strict=True)
    ]


@lru_cache(maxsize=4096)
def _fisher_by_before(total: int, drawn_before: int, drawn_after: int) -> dict[int, float]:
    """Return the p-value of every table with `total` right answers, by those of them that were given before.

    A table's p-value is the probability of all that are no likelier, up to rounding, as `scipy.stats.fisher_exact`
    has it; one at a time, it takes a millisecond a table.
    """
    import numpy as np

    before_B = np.arange(max(0, total - drawn_after), min(drawn_before, total) + 1)
    all_tables = math.comb(drawn_before + drawn_after, total)
    chance_B = np.array(
        [
            math.comb(drawn_before, right) * math.comb(drawn_after, total - right) / all_tables
            for right in before_B.tolist()
        ]
    )
    order_B = np.argsort(chance_B)
    sums_B = np.cumsum(chance_B[order_B])
    last_B = np.searchsorted(chance_B[order_B], chance_B * (1 + ROUNDING), side="right") - 1
    return dict(zip(before_B.tolist(), np.minimum(sums_B[last_B], 1.0).tolist(), strict=True))
