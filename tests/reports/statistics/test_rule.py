from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import Interval, Rule, Verdict

OPPOSITE: dict[Verdict, Verdict] = {"improved": "regressed", "regressed": "improved"}


def points(mean: float, half: float | None) -> Interval:
    return Interval(mean=mean / 100, count=5, half_width=None if half is None else half / 100)


@pytest.mark.parametrize(
    ("mean", "half", "by_estimate", "by_interval"),
    [
        (3.0, 1.5, "improved", "improved"),
        (3.0, 2.5, "improved", "can't tell"),  # clear of 0, not of the margin
        (3.0, 3.5, "can't tell", "can't tell"),
        (0.8, 0.5, "can't tell", "can't tell"),  # clear of 0, but the estimate is within the margin
        (0.3, 0.5, "equivalent", "equivalent"),
        (0.5, 0.4, "equivalent", "equivalent"),  # clear of 0, and all within the margin
        (-3.0, 1.5, "regressed", "regressed"),
        (-3.0, 2.5, "regressed", "can't tell"),
        (9.0, None, "can't tell", "can't tell"),
        (9.0, 0.0, "can't tell", "can't tell"),
    ],
)
def test_the_verdicts(mean: float, half: float | None, by_estimate: Verdict, by_interval: Verdict) -> None:
    assert Rule(margin=0.01).judge(points(mean, half)) == by_estimate
    assert Rule(margin=0.01, improved="interval").judge(points(mean, half)) == by_interval


def test_no_verdict_below_the_noise_of_the_measurement() -> None:
    assert Rule(margin=0.01).judge(points(3.0, 1.5), floor=0.04) == "can't tell"
    assert Rule(margin=0.01).judge(points(1.0, 1.5), floor=0.04) == "equivalent"


@given(st.floats(-20, 20), st.floats(0.01, 20), st.sampled_from(["estimate", "interval"]))
def test_turned_round_it_is_the_opposite(mean: float, half: float, improved: str) -> None:
    rule = Rule(margin=0.01, improved=improved)  # type: ignore[arg-type]
    found = rule.judge(points(mean, half))
    assert rule.judge(points(-mean, half)) == OPPOSITE.get(found, found)
