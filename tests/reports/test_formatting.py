from __future__ import annotations

import doctest
import math
from types import ModuleType

import pytest

import reports.formatting
import reports.statistics.estimates
import reports.statistics.intervals
import reports.statistics.power
from reports import formatting
from reports.statistics import Interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.5, "0.50"), (999.4, "999"), (999.7, "1.00 k"), (1000, "1.00 k"), (12_345, "12.3 k"),
        (999_600, "1.00 M"), (4.2e12, "4.20 T"), (3e18, "3.00 E"), (math.nan, "unknown"),
    ],
)  # fmt: skip
def test_quantities_have_three_digits_and_a_prefix(value: float, text: str) -> None:
    assert formatting.quantity(value) == text


def test_a_difference_that_rounds_to_zero_has_no_sign() -> None:
    tiny = Interval(mean=-0.0001, count=3, half_width=0.0002)
    assert formatting.points(tiny) == "0.0 [0.0, 0.0]"


def test_a_difference_that_is_the_same_in_all_seeds_has_no_interval() -> None:
    flat = Interval(mean=0.3, count=3, half_width=1e-16)
    assert formatting.points(flat) == "+30.0, n/a (same in all seeds)"
    assert formatting.size(flat) == "30.0 points (n/a: the same in all seeds, no interval)"


def test_what_is_not_there_yet_is_not_a_number() -> None:
    assert formatting.score(None) == formatting.points(None) == "not yet"


@pytest.mark.parametrize("value", [math.nan])
def test_unknown_is_never_0(value: float) -> None:
    assert {formatting.seconds(value), formatting.memory(value), formatting.quantity(value)} == {"unknown"}


@pytest.mark.parametrize(
    "module",
    [reports.formatting, reports.statistics.estimates, reports.statistics.intervals, reports.statistics.power],
)
def test_examples_in_docstrings_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
