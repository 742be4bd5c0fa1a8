"""Arithmetic on numbers of several digits, worked as a chain of equal expressions.

Prompt ``A347+585=``; answer ``847+85=927+5=932``; prompt ``A47*6=``; answer ``40*6+7*6=240+42=282``. Any chain will do
whose members all have the value of the problem and whose last is a plain number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from suites.contract import Grade, Item
from suites.procedural.problem import UNREADABLE, Problem, settle

GRADER_VERSION = 1
LONGEST_ANSWER = 2_000
"""Characters; a longer text is not read."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_EXPRESSION = re.compile(r"[0-9]+(?:[-+*][0-9]+)*")
_LONGEST_EXPRESSION = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Which arithmetic problems are drawn."""

    largest_term: int
    """Sums and differences take numbers from 10 to this."""
    largest_factor: int
    """Products take one number from 10 to this, and a digit from 2 to 9."""


def sample(generator: Random, drawn: Range) -> Problem:
    """Draw a sum, a difference that is not negative, or a product with a single digit."""
    operator = generator.choice("+-*")
    if operator == "*":
        return problem(generator.randint(10, drawn.largest_factor), "*", generator.randint(2, 9))
    left, right = generator.randint(10, drawn.largest_term), generator.randint(10, drawn.largest_term)
    if operator == "-" and left < right:
        left, right = right, left
    return problem(left, operator, right)


def problem(left: int, operator: str, right: int) -> Problem:
    """Return the problem `left operator right`; the key of a sum or product ignores the order."""
    ordered = (left, right) if operator == "-" else (min(left, right), max(left, right))
    work = _product_steps(left, right) if operator == "*" else _column_steps(left, operator, right)
    return Problem(
        key=f"arithmetic:{ordered[0]}{operator}{ordered[1]}",
        prompt=f"A{left}{operator}{right}=",
        payload={"left": left, "operator": operator, "right": right},
        solution="=".join(work),
    )


def grade(item: Item, completion: str) -> Grade:
    """Grade a chain of expressions: each must equal the problem, the last must be a plain number."""
    text = completion.strip(" \n")
    if len(text) > LONGEST_ANSWER:
        return UNREADABLE
    *work, result = text.split("=")
    if not work or _NUMBER.fullmatch(result) is None:
        return UNREADABLE
    payload = item.payload
    truth = evaluate(f"{payload['left']}{payload['operator']}{payload['right']}")
    steps_hold = all(evaluate(step) == truth and not step.isdigit() for step in work)
    return settle(answer=result, steps_hold=steps_hold, result_right=int(result) == truth)


def evaluate(expression: str) -> int | None:
    """Return the value of a sum of products of plain numbers, or None when it is not one."""
    if len(expression) > _LONGEST_EXPRESSION or _EXPRESSION.fullmatch(expression) is None:
        return None
    if not all(_NUMBER.fullmatch(number) for number in re.split(r"[-+*]", expression)):
        return None
    total = 0
    for sign, product in re.findall(r"([-+]?)([0-9*]+)", expression):
        value = 1
        for factor in product.split("*"):
            value *= int(factor)
        total += -value if sign == "-" else value
    return total


def _places(number: int) -> list[int]:
    """Return what the digits of a number stand for, zeros left out: 305 gives [300, 5]."""
    digits = str(number)
    places = [int(digit) * 10 ** (len(digits) - 1 - i) for i, digit in enumerate(digits)]
    return [place for place in places if place] or [0]


def _column_steps(left: int, operator: str, right: int) -> list[str]:
    """Move the right number over to the left one place at a time."""
    steps = []
    while right:
        place = _places(right)[0]
        left, right = (left + place if operator == "+" else left - place), right - place
        steps.append(f"{left}{operator}{right}" if right else str(left))
    return steps if len(steps) > 1 else [f"{left}{operator}0", str(left)]


def _product_steps(left: int, right: int) -> list[str]:
    places = _places(left)
    if len(places) == 1:
        return [f"{left // 10}*{right}*10", str(left * right)]
    split = "+".join(f"{place}*{right}" for place in places)
    parts = "+".join(str(place * right) for place in places)
    return [split, parts, str(left * right)]
