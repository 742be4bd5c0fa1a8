"""How cosines are spread: the first, the middle and the last look at each arm, its seeds together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.store.cosines import BINS

if TYPE_CHECKING:
    import pandas as pd

LOOKS = ("first", "middle", "last")
PARTS = 20
"""A cell is looked at once in each such part of its budget."""
SPREAD_COLUMNS = ("arm", "look", "budget", "first_step", "last_step", "from", "to", "cosines", "percent")
"""`budget`: percent that was spent by the look. `first_step`, `last_step`: of the seeds that are counted. `from`, `to`:
one bin. `cosines`: how many lie in it, of how many `percent`."""


def spreads(histograms: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Return the histograms of each arm at three looks, columns `SPREAD_COLUMNS`.

    Seeds are added up where the same part of the budget was spent; a look counts that at least half of the arm's seeds
    had.

    Args:
        histograms: Columns `reports.read.cosines.COSINE_COLUMNS`, of one kind of cosine.
        arms: In their order.
    """
    import pandas as pd

    known = histograms[histograms["counts"].notna() & histograms["share"].notna()]
    rows: list[dict[str, Any]] = []
    for arm in arms:
        ours = known[known["arm"] == arm]
        parts = (ours["share"] * PARTS + 1e-9).map(math.floor)
        seeds = ours.groupby(parts)["seed"].nunique()
        reached = [part for part in sorted(seeds.index) if 2 * seeds[part] >= ours["seed"].nunique()]
        if not reached:
            continue
        chosen = dict.fromkeys((reached[0], reached[len(reached) // 2], reached[-1]))
        names = LOOKS if len(chosen) == len(LOOKS) else (LOOKS[0], LOOKS[-1])
        for look, part in zip(names, chosen, strict=False):
            rows += _look(arm, look, ours[parts == part])
    return pd.DataFrame(rows, columns=list(SPREAD_COLUMNS))


def _look(arm: str, look: str, histograms: pd.DataFrame) -> list[dict[str, Any]]:
    counts = [math.fsum(column) for column in zip(*histograms["counts"], strict=True)]
    total = math.fsum(counts)
    steps, width = histograms["step"], 2 / BINS
    said = {
        "arm": arm,
        "look": look,
        "budget": 100 * float(histograms["share"].mean()),
        "first_step": int(steps.min()),
        "last_step": int(steps.max()),
    }
    return [
        {
            **said,
            "from": round(-1 + place * width, 9),
            "to": round(-1 + (place + 1) * width, 9),
            "cosines": count,
            "percent": 100 * count / total if total else 0.0,
        }
        for place, count in enumerate(counts)
    ]
