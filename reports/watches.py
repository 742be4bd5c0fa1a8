"""Watches: which of them raised an alarm, when first, for how long, and on what evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import formatting
from reports.blocks import Table
from reports.read import Run

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Watches"
HEADER = ("arm", "watch", "first alarm (step)", "steps in alarm", "last evidence")
NEVER = "never"


def watch_table(run: Run) -> Table:
    """Return for each arm and watch the first alarm by seed, the share of steps in alarm, and the last evidence."""
    rows: dict[str, list[tuple[str, ...]]] = {arm: [] for arm in run.plan.trained_arms}
    for key, lines in run.watches.groupby(["arm", "watch"], sort=False):
        arm, watch = map(str, key)
        if arm in rows:
            rows[arm].append(_row(arm, watch, lines))
    return Table(header=HEADER, rows=tuple(row for of_arm in rows.values() for row in of_arm))


def _row(arm: str, watch: str, lines: pd.DataFrame) -> tuple[str, ...]:
    alarms = lines[lines["alarm"]]
    first = alarms.groupby("seed")["step"].min()
    seeds = sorted(set(lines["seed"]))
    if alarms.empty:
        return arm, watch, NEVER, formatting.percent(0.0), ""
    last = alarms.sort_values(["step", "seed"]).iloc[-1]
    return (
        arm,
        watch,
        "; ".join(f"seed {seed}: {first[seed] if seed in first.index else NEVER}" for seed in seeds),
        formatting.percent(len(alarms) / len(lines)),
        f"{last['because'] or formatting.UNKNOWN} (seed {last['seed']}, step {last['step']})",
    )
