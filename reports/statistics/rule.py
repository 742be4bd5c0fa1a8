"""From an interval to a word, by a rule that was fixed before the interval was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reports.statistics.effects import LIKE_THESE, Target
from reports.statistics.intervals import Interval

Verdict = Literal["improved", "regressed", "equivalent", "can't tell"]
VERDICTS: tuple[Verdict, ...] = ("improved", "regressed", "equivalent", "can't tell")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When a difference counts as what."""

    margin: float = 0.01
    """Differences within it are no matter, as a fraction; measurement noise where that is larger."""
    improved: Literal["estimate", "interval"] = "estimate"
    """What must lie beyond the margin: the estimate, with an interval clear of zero, or the whole interval."""
    items: Target = LIKE_THESE
    """What the interval holds for."""

    def judge(self, difference: Interval, floor: float = 0.0) -> Verdict:
        """Return the verdict on a difference.

        Args:
            difference: Its interval, adjusted for how many there are. Without width, or without an interval, nothing
                can be told: equal differences in a few seeds say that scores are coarse.
            floor: Difference that measurement alone makes, as a fraction; the margin is at least that.

        Examples:
            >>> rule = Rule(margin=0.01)
            >>> rule.judge(Interval(mean=0.03, count=5, half_width=0.02))
            'improved'
            >>> rule.judge(Interval(mean=0.001, count=5, half_width=0.005))
            'equivalent'
            >>> rule.judge(Interval(mean=0.03, count=5, half_width=0.04))
            "can't tell"
        """
        low, high, margin = difference.low, difference.high, max(self.margin, floor)
        if low is None or high is None or difference.flat:
            return "can't tell"
        if -margin < low and high < margin:
            return "equivalent"
        beyond = margin if self.improved == "interval" else 0.0
        if low > beyond and difference.mean > margin:
            return "improved"
        if high < -beyond and difference.mean < -margin:
            return "regressed"
        return "can't tell"
