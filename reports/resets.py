"""Resets: when each came and why, what it cost, how long the reward took to come back, and what resets gained."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from reports import formatting
from reports.blocks import Table
from reports.comparison import PRIMARY
from reports.curves import SMOOTHING
from reports.read import Run
from reports.read.training import EventView
from reports.reading import Reading
from reports.verdicts.family import Judged, judged

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Resets"
NONE = "\N{EM DASH}"
TOO_SOON = "too soon to tell"
NO_TWIN = f"{NONE} (no such arm in the plan)"


def resets_of(run: Run, arm: str) -> list[EventView]:
    """Return the resets of an arm, by seed and step."""
    return [event for event in run.events if event.arm == arm and not event.is_note]


def gain_table(run: Run, at: Reading) -> Table:
    """Return for each arm that was reset what its resets came to, and its score less that of the arm without them."""
    arms = [arm for arm in run.plan.trained_arms if resets_of(run, arm)]
    twins = [(arm, run.plan.without_resets[arm]) for arm in arms if arm in run.plan.without_resets]
    against = {found.arm: found for found in judged(run, twins, at, PRIMARY)}
    titles = (
        "arm", "resets", "seconds", "FLOPs", "recovered", "median recovery (steps)", "the same without resets",
        f"arm less that (points, {formatting.interval_name(len(twins), 'pairs')})",
    )  # fmt: skip
    return Table(header=titles, rows=tuple(_gain(run, arm, against.get(arm)) for arm in arms))


def reset_table(run: Run) -> Table:
    """Return every reset: when, why, what it cost, and how long the reward took to come back."""
    titles = ("arm", "seed", "step", "share", "reset", "seconds", "FLOPs", "recovery (steps)", "cause")
    rows = [
        (
            arm,
            str(event.seed),
            str(event.step),
            formatting.UNKNOWN if math.isnan(event.share) else formatting.percent(event.share),
            event.kind,
            _seconds(event.seconds),
            formatting.quantity(event.flops),
            _recovery_text(run, event),
            event.words,
        )
        for arm in run.plan.trained_arms
        for event in resets_of(run, arm)
    ]
    return Table(header=titles, rows=tuple(rows))


def recovery(rewards: pd.Series[float], step: int) -> float | None:
    """Return the steps from a reset until the running mean of the reward is back at its level before the reset.

    The level is the mean over the last w steps up to the reset, w being `SMOOTHING` of all steps; the reward is back
    after k steps if the mean over the w steps that follow them is not below that. 0 if it did not fall.

    Args:
        rewards: Of each step, by step, in order.
        step: After which the reset came.

    Returns:
        Steps; infinity if the reward never came back; None where fewer than w steps follow the reset.
    """
    known = rewards.dropna()
    width = max(1, round(SMOOTHING * len(known)))
    before, after = known[known.index <= step], known[known.index > step]
    if len(after) < width or before.empty:
        return None
    level = float(before.iloc[-width:].mean())
    means = after.rolling(width).mean().iloc[width - 1 :]
    back = [place for place, mean in enumerate(means) if mean >= level - 1e-9]
    return float(back[0]) if back else math.inf


def _recovery_of(run: Run, event: EventView) -> float | None:
    rows = run.training[(run.training["arm"] == event.arm) & (run.training["seed"] == event.seed)]
    return recovery(rows.set_index("step")["reward"].astype(float), event.step)


def _recovery_text(run: Run, event: EventView) -> str:
    found = _recovery_of(run, event)
    return TOO_SOON if found is None else formatting.MISSING if math.isinf(found) else f"{found:.0f}"


def _seconds(value: float) -> str:
    """Return device-seconds; a reset may take a thousandth of one."""
    return f"{value:.2g}" if 0 < value < 1 else formatting.seconds(value)


def _gain(run: Run, arm: str, against: Judged | None) -> tuple[str, ...]:
    events = resets_of(run, arm)
    found = [_recovery_of(run, event) for event in events]
    told = [steps for steps in found if steps is not None]
    back = [steps for steps in told if not math.isinf(steps)]
    return (
        arm,
        str(len(events)),
        _seconds(sum(event.seconds for event in events)),
        formatting.quantity(sum(event.flops for event in events)),
        f"{len(back)} of {len(told)}" if told else NONE,
        f"{statistics.median(told):g}".replace("inf", formatting.MISSING) if told else NONE,
        NO_TWIN if against is None else against.other,
        NONE if against is None else formatting.points(against.interval),
    )
