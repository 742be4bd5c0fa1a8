"""A number that is averaged over some steps and held against a threshold, given or derived from how the run began."""

from __future__ import annotations

from statistics import fmean

from strategies.contract import State

FIRST_SHARE = 0.1
"""Of the budget: what is seen while no more is spent says how the run began."""


def begun() -> State:
    """Return a level that has seen nothing."""
    return {"recent": [], "first": [], "base": None}


def followed(level: State, value: float, share: float, window: int) -> State:
    """Return `level` after one more `value`.

    Args:
        level: As the step before left it.
        value: What was measured.
        share: Of the budget spent; values seen up to a tenth of it make the base, and so does the first, whenever.
        window: Values that are averaged.
    """
    recent = [*level["recent"], value][-window:]
    if level["base"] is not None:
        return {**level, "recent": recent}
    if share <= FIRST_SHARE or not level["first"]:
        return {**level, "recent": recent, "first": [*level["first"], value]}
    return {"recent": recent, "first": [], "base": fmean(level["first"])}


def average(level: State, window: int) -> float | None:
    """Return the mean of the last `window` values; None before there are that many."""
    recent = level["recent"]
    return fmean(recent) if len(recent) >= window else None
