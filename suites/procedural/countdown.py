"""Countdown: reach a target from given numbers with + - *, each number used exactly once.

Prompt ``C3 4 7 9=24:``; answer ``9-7=2,3*4=12,2*12=24``. A step takes two numbers that are still there and puts
their result in their place; the last step leaves the target alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import Literal, NamedTuple

from suites.contract import Grade, Item
from suites.procedural.problem import UNREADABLE, Problem, settle

LARGEST_RESULT = 999
"""Every intermediate result lies between 0 and this."""
GRADER_VERSION = 1
LONGEST_ANSWER = 2_000
"""Characters; a longer text is not read."""

Operator = Literal["+", "-", "*"]
OPERATORS: tuple[Operator, ...] = ("+", "-", "*")
_STEP = re.compile(r"(0|[1-9][0-9]{0,5})([-+*])(0|[1-9][0-9]{0,5})=(0|[1-9][0-9]{0,5})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Which countdown problems are drawn."""

    count: int
    """Numbers given."""
    largest_number: int
    """Numbers are drawn from 1 to this, with repetition."""
    smallest_target: int
    """Least target, itself included."""
    largest_target: int
    """Greatest target, itself included."""
    largest_result: int
    """Cap on intermediate results of the drawn derivation."""


class Form(NamedTuple):
    """An expression up to the order of terms and factors and up to brackets."""

    plus: tuple[str, ...]
    """Terms that are added, sorted."""
    minus: tuple[str, ...]
    """Terms that are taken away, sorted."""

    @property
    def text(self) -> str:
        """The expression, positive terms first."""
        return "+".join(self.plus) + "".join(f"-{term}" for term in self.minus)


class Term(NamedTuple):
    """A number that a derivation has reached, and how."""

    claimed: int
    """What the answer says the number is."""
    value: int
    """What it is."""
    form: Form


def apply(left: int, operator: str, right: int) -> int:
    """Return `left operator right`."""
    if operator == "+":
        return left + right
    return left - right if operator == "-" else left * right


def sample(generator: Random, drawn: Range) -> Problem:
    """Draw a problem that has a solution: numbers first, then a random derivation whose end is the target."""
    while True:
        numbers = [generator.randint(1, drawn.largest_number) for _ in range(drawn.count)]
        steps = _random_derivation(generator, numbers, drawn.largest_result)
        if steps is None:
            continue
        target = int(steps[-1].rpartition("=")[2])
        if drawn.smallest_target <= target <= drawn.largest_target:
            return problem(numbers, target, ",".join(steps))


def problem(numbers: list[int], target: int, solution: str) -> Problem:
    """Return the problem with these numbers and this target."""
    ordered = sorted(numbers)
    return Problem(
        key=f"countdown:{' '.join(map(str, ordered))}={target}",
        prompt=f"C{' '.join(map(str, numbers))}={target}:",
        payload={"numbers": numbers, "target": target},
        solution=solution,
    )


def solve(numbers: list[int], target: int) -> str | None:
    """Return the first worked solution that a full search finds, or None when there is none."""
    if len(numbers) == 1:
        return "" if numbers[0] == target else None
    for left, operator, right in _moves(numbers):
        rest = list(numbers)
        rest.remove(left)
        rest.remove(right)
        result = apply(left, operator, right)
        tail = solve([*rest, result], target)
        if tail is not None:
            return f"{left}{operator}{right}={result}" + (f",{tail}" if tail else "")
    return None


def grade(item: Item, completion: str) -> Grade:
    """Grade a derivation: steps, then result. The answer is the expression up to order and brackets."""
    steps = _read(completion)
    if steps is None:
        return UNREADABLE
    numbers: list[int] = list(item.payload["numbers"])
    target: int = item.payload["target"]
    there = [Term(number, number, Form((str(number),), ())) for number in numbers]
    steps_hold = True
    for left, operator, right, claimed in steps:
        pair = _take(there, left, right)
        if pair is None:
            return UNREADABLE
        value = apply(pair[0].value, operator, pair[1].value)
        steps_hold &= 0 <= claimed <= LARGEST_RESULT and claimed == apply(left, operator, right)
        there.append(Term(claimed, value, _combine(pair[0].form, operator, pair[1].form)))
    last = there[-1]
    return settle(answer=last.form.text, steps_hold=steps_hold, result_right=len(there) == 1 and last.value == target)


def _random_derivation(generator: Random, numbers: list[int], largest: int) -> list[str] | None:
    there = list(numbers)
    steps = []
    while len(there) > 1:
        left = there.pop(generator.randrange(len(there)))
        right = there.pop(generator.randrange(len(there)))
        operator = generator.choice(OPERATORS)
        if operator == "-" and left < right:
            left, right = right, left
        result = apply(left, operator, right)
        if result > largest:
            return None
        steps.append(f"{left}{operator}{right}={result}")
        there.append(result)
    return steps


def _moves(numbers: list[int]) -> Iterator[tuple[int, Operator, int]]:
    for left, right in sorted(set(permutations(numbers, 2))):
        for operator in OPERATORS:
            if 0 <= apply(left, operator, right) <= LARGEST_RESULT:
                yield left, operator, right


def _read(completion: str) -> list[tuple[int, str, int, int]] | None:
    text = completion.strip(" \n")
    if len(text) > LONGEST_ANSWER:
        return None
    matches = [_STEP.fullmatch(step) for step in text.split(",")]
    steps = [(int(m[1]), m[2], int(m[3]), int(m[4])) for m in matches if m is not None]
    return steps if len(steps) == len(matches) else None


def _take(there: list[Term], left: int, right: int) -> tuple[Term, Term] | None:
    """Remove and return the terms that claim to be `left` and `right`, or None when one is not there."""
    taken = []
    for number in (left, right):
        found = next((term for term in there if term.claimed == number), None)
        if found is None:
            return None
        there.remove(found)
        taken.append(found)
    return taken[0], taken[1]


def _combine(left: Form, operator: str, right: Form) -> Form:
    if operator == "*":
        factors = [factor for form in (left, right) for factor in _factors(form)]
        return Form(("*".join(sorted(factors)),), ())
    plus, minus = (right.plus, right.minus) if operator == "+" else (right.minus, right.plus)
    return Form(tuple(sorted(left.plus + plus)), tuple(sorted(left.minus + minus)))


def _factors(form: Form) -> list[str]:
    """Return the factors of a product, or the bracketed sum as its only factor."""
    single = len(form.plus) == 1 and not form.minus
    return _split_product(form.plus[0]) if single else [f"({form.text})"]


def _split_product(term: str) -> list[str]:
    depth, parts = 0, [""]
    for letter in term:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "*" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
