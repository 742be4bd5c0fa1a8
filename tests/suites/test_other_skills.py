"""Arithmetic, sorting and graphs by hand."""

from __future__ import annotations

from itertools import pairwise, permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.procedural import arithmetic, graphs, sorting

SUM = arithmetic.problem(347, "+", 585).item
DIGITS = sorting.problem("52917").item
SQUARE = graphs.problem(["ab", "cb", "cd", "da", "de"], "a", "c").item


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("847+85=927+5=932", "932"),
        ("300+500+40+80+7+5=800+120+12=932", "932"),
        ("347+585=932", "932"),
    ],
)
def test_any_chain_of_equals_is_right(text: str, answer: str) -> None:
    assert arithmetic.grade(SUM, text) == (True, answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("847+85=927+4=931", "931"),
        ("847+84=927+5=932", None),  # a false step before the right result
        ("932=932", None),  # no step at all
        ("932", None),
        ("847+85=0932", None),
        ("847+85=927+5=", None),
        ("0932+0=932", None),
    ],
)
def test_what_is_wrong_in_arithmetic(text: str, answer: str | None) -> None:
    assert arithmetic.grade(SUM, text) == (False, answer)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2+3*4", 14), ("20-3*4-1", 7), ("7", 7), ("2*3*4-24", 0), ("2+", None), ("02+1", None), ("", None), ("-1", None)],
)
def test_expressions_by_hand(expression: str, value: int | None) -> None:
    assert arithmetic.evaluate(expression) == value


@given(st.lists(st.integers(0, 999), min_size=1, max_size=6), st.data())
def test_expressions_agree_with_python(numbers: list[int], data: st.DataObject) -> None:
    operators = data.draw(st.lists(st.sampled_from("+-*"), min_size=5, max_size=5))
    text = "".join(f"{number}{operator}" for number, operator in zip(numbers, [*operators, ""], strict=False))
    expression = text.rstrip("+-*")
    assert arithmetic.evaluate(expression) == eval(expression)


@given(st.integers(10, 99), st.integers(10, 99))
def test_keys_ignore_order_where_it_does_not_matter(left: int, right: int) -> None:
    assert arithmetic.problem(left, "+", right).key == arithmetic.problem(right, "+", left).key
    assert arithmetic.problem(left, "*", right).key == arithmetic.problem(right, "*", left).key
    same = arithmetic.problem(left, "-", right).key == arithmetic.problem(right, "-", left).key
    assert same == (left == right)


@pytest.mark.parametrize("text", ["25917>12597>12579", "25917>25179>12579"])
def test_any_insertions_that_make_order_are_right(text: str) -> None:
    assert sorting.grade(DIGITS, text) == (True, "12579")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("12579", None),  # several digits moved at once
        ("25917>25917>12597>12579", None),  # a step that does nothing
        ("52971>25971>25917>12597>12579", None),  # 71 and 17 were in order before
        ("25917>12597", "12597"),
        ("25917>12597>12578", "12578"),
        ("", None),
        ("25917>>12579", None),
    ],
)
def test_what_is_wrong_in_sorting(text: str, answer: str | None) -> None:
    assert sorting.grade(DIGITS, text) == (False, answer)


def test_a_digit_may_move_to_either_side_past_equal_ones() -> None:
    item = sorting.problem("3311").item
    assert sorting.grade(item, "1331>1133").correct
    assert sorting.grade(item, "3113>1133").correct


def test_a_sorting_key_ignores_the_order() -> None:
    assert sorting.problem("3120").key == sorting.problem("0213").key != sorting.problem("0214").key


@pytest.mark.parametrize(("text", "answer"), [("a|bd|ce>abc", "abc"), ("a|db|ec>adc", "adc")])
def test_any_order_in_a_frontier_and_any_shortest_path_is_right(text: str, answer: str) -> None:
    assert graphs.grade(SQUARE, text) == (True, answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a|bd|c>abc", None),  # e is missing from the last frontier
        ("a|bde|c>abc", None),  # e is not next to a
        ("a|bd|ce>ac", "ac"),
        ("a|bd|ce>cba", "cba"),
        ("a|bd|ce>aedc", "aedc"),
        ("abc", None),
        ("a||c>abc", None),
    ],
)
def test_what_is_wrong_in_graphs(text: str, answer: str | None) -> None:
    assert graphs.grade(SQUARE, text) == (False, answer)


def test_a_path_longer_than_needed_is_wrong() -> None:
    item = graphs.problem(["ab", "bc", "cd", "ae", "ed"], "a", "d").item
    assert graphs.grade(item, "a|be|cd>abcd") == (False, "abcd")
    assert graphs.grade(item, "a|be|cd>aed") == (True, "aed")


@given(st.integers(0, 2**32))
def test_paths_agree_with_trying_all_of_them(seed: int) -> None:
    item = graphs.sample(Random(seed), graphs.Range(nodes=5, edges=5)).item
    joined = {frozenset(edge) for edge in item.payload["edges"]}
    start, goal = item.payload["start"], item.payload["goal"]
    walks = [
        "".join(nodes)
        for length in range(2, 6)
        for nodes in permutations("abcde", length)
        if (nodes[0], nodes[-1]) == (start, goal) and all(frozenset(pair) in joined for pair in pairwise(nodes))
    ]
    frontiers = "|".join(graphs.frontiers(item.payload["edges"], start, goal) or [])
    right = {walk for walk in walks if graphs.grade(item, f"{frontiers}>{walk}").correct}
    assert right == {walk for walk in walks if len(walk) == min(map(len, walks))} != set()


def test_a_graph_key_ignores_every_order() -> None:
    assert graphs.problem(["ab", "bc"], "a", "c").key == graphs.problem(["cb", "ba"], "c", "a").key


def test_a_goal_out_of_reach_is_refused() -> None:
    assert graphs.frontiers(["ab", "cd"], "a", "d") is None
    with pytest.raises(ValueError, match="no path from 'a' to 'd'"):
        graphs.problem(["ab", "cd"], "a", "d")
