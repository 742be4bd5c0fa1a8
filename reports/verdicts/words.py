"""The rule behind the verdicts, as a reader is told it."""

from __future__ import annotations

from reports.statistics import LIKE_THESE, Rule


def rule_in_words(rule: Rule) -> str:
    """Return when a difference counts as what, in one sentence or two."""
    points = f"{100 * rule.margin:g} {'point' if rule.margin == 0.01 else 'points'}"
    margin = f"the margin ({points}, or the noise of the measurement where that is larger)"
    clear = (
        f"lies beyond {margin}"
        if rule.improved == "interval"
        else f"lies clear of zero and the estimate beyond {margin}"
    )
    holds = (
        "Intervals hold for items like these"
        if rule.items == LIKE_THESE
        else "Intervals hold for these items, not for items like these"
    )
    return (
        f"“Improved” and “regressed” mean that the interval {clear}; “equivalent”, that all of it lies within the "
        f"margin. {holds}."
    )
