"""Countdown by hand: which derivations hold, and which answers mean the same."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.procedural import countdown
from suites.procedural.skills import FIVE_NUMBERS, FOUR_NUMBERS, LARGER_TARGETS

ITEM = countdown.problem([3, 4, 7, 9], 24, "").item


@pytest.mark.parametrize(
    "text",
    ["9-7=2,3*4=12,2*12=24", "3*4=12,9-7=2,12*2=24", "9-7=2,2*4=8,8*3=24", " 9-7=2,2*4=8,8*3=24\n"],
)
def test_any_derivation_is_right_and_these_mean_the_same(text: str) -> None:
    assert countdown.grade(ITEM, text) == (True, "(9-7)*3*4")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("9-7=2,3*4=12,2+12=14", "3*4+9-7"),  # misses the target
        ("3*4=12,12+9=21", "3*4+9"),  # 7 is left over
        ("9-7=2,3*4=11,2*12=24", None),  # 12 is not there
        ("9-7=3,3*4=12,3*12=24", None),  # right expression, false steps
        ("3*8=24", None),  # 8 is not given
        ("3*4=12,3*4=12,12+12=24", None),  # 3 and 4 are used twice
        ("9-7=2,3*4=12,2*12=024", None),
        ("24", None),
        ("9-7=2;3*4=12;2*12=24", None),
    ],
)
def test_what_is_wrong(text: str, answer: str | None) -> None:
    assert countdown.grade(ITEM, text) == (False, answer)


def test_the_last_result_must_stand_alone() -> None:
    item = countdown.problem([1, 2, 24, 26], 24, "").item
    assert not countdown.grade(item, "26-2=24").correct
    assert not countdown.grade(item, "2-1=1,26*1=26").correct


def test_a_step_below_zero_or_out_of_bounds_does_not_hold() -> None:
    below = countdown.problem([2, 5, 10], 7, "").item
    assert not countdown.grade(below, "2-5=-3,10-3=7").correct
    beyond = countdown.problem([40, 40, 1590], 10, "").item
    assert countdown.grade(beyond, "40*40=1600,1600-1590=10") == (False, None)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("9-7=2,2+4=6,6*3=18", "9+4=13,13-7=6,3*6=18"),
        ("9+7=16,16-4=12,12-3=9", "4+3=7,9+7=16,16-7=9"),
        ("4-3=1,9-1=8,8+7=15", "9+3=12,12-4=8,7+8=15"),
    ],
)
def test_order_and_brackets_do_not_change_the_answer(left: str, right: str) -> None:
    answers = {countdown.grade(ITEM, text).answer for text in (left, right)}
    assert len(answers) == 1
    assert None not in answers


def test_different_expressions_are_different_answers() -> None:
    item = countdown.problem([2, 2, 3], 7, "").item
    assert countdown.grade(item, "2*2=4,4+3=7") == (True, "2*2+3")
    assert countdown.grade(item, "2+2=4,4+3=7") == (True, "2+2+3")


@given(st.integers(0, 2**32), st.sampled_from([FOUR_NUMBERS, FIVE_NUMBERS, LARGER_TARGETS]))
def test_drawn_problems_keep_to_their_range(seed: int, drawn: countdown.Range) -> None:
    payload = countdown.sample(Random(seed), drawn).payload
    assert len(payload["numbers"]) == drawn.count
    assert all(1 <= number <= drawn.largest_number for number in payload["numbers"])
    assert drawn.smallest_target <= payload["target"] <= drawn.largest_target


@given(st.lists(st.integers(1, 9), min_size=2, max_size=3), st.integers(0, 30))
def test_the_search_finds_right_derivations_only(numbers: list[int], target: int) -> None:
    found = countdown.solve(numbers, target)
    if found is not None:
        assert countdown.grade(countdown.problem(numbers, target, "").item, found).correct


def test_the_search_knows_the_impossible() -> None:
    assert countdown.solve([1, 1], 7) is None
    assert countdown.solve([2, 3], 6) == "2*3=6"


def test_a_key_ignores_the_order_of_the_numbers() -> None:
    assert countdown.problem([3, 9, 4], 5, "").key == countdown.problem([9, 4, 3], 5, "").key
