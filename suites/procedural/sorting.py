"""Sorting digits, one insertion at a time.

Prompt ``S529170:``; answer ``259170>125970>...>012579``. Each step takes one digit out and puts it in somewhere else so
that fewer pairs are out of order than before; the last step is sorted.
"""

from __future__ import annotations

import re
from random import Random

from suites.contract import Grade, Item
from suites.procedural.problem import UNREADABLE, Problem, settle

GRADER_VERSION = 1
LONGEST_ANSWER = 2_000
"""Characters; a longer text is not read."""
LEAST_STEPS = 2
"""Insertions that a drawn problem takes at least."""

_DIGITS = re.compile(r"[0-9]+")


def sample(generator: Random, length: int) -> Problem:
    """Draw `length` digits that take at least `LEAST_STEPS` insertions to sort."""
    while True:
        drawn = problem("".join(generator.choice("0123456789") for _ in range(length)))
        if drawn.solution.count(">") >= LEAST_STEPS - 1:
            return drawn


def problem(digits: str) -> Problem:
    """Return the problem to sort `digits`; its key ignores their order."""
    return Problem(
        key=f"sorting:{''.join(sorted(digits))}",
        prompt=f"S{digits}:",
        payload={"digits": digits},
        solution=">".join(insertions(digits)),
    )


def insertions(digits: str) -> list[str]:
    """Return the states of an insertion sort, those that change nothing left out."""
    states = []
    for i in range(1, len(digits)):
        state = "".join(sorted(digits[: i + 1])) + digits[i + 1 :]
        if state != digits:
            states.append(state)
        digits = state
    return states


def grade(item: Item, completion: str) -> Grade:
    """Grade a chain of states: one digit moved per step, more order each time, sorted at the end."""
    states = completion.strip(" \n").split(">")
    if len(completion) > LONGEST_ANSWER or not all(map(_DIGITS.fullmatch, states)):
        return UNREADABLE
    digits: str = item.payload["digits"]
    result_right = states[-1] == "".join(sorted(digits))
    chain = [digits, *states]
    steps_hold = all(map(_is_progress, chain, states))
    return settle(answer=states[-1], steps_hold=steps_hold, result_right=result_right)


def _is_progress(before: str, after: str) -> bool:
    return _moves_one(before, after) and _out_of_order(after) < _out_of_order(before)


def _moves_one(before: str, after: str) -> bool:
    """Tell whether taking one digit of `before` out and putting it in elsewhere gives `after`."""
    if len(before) != len(after):
        return False
    changed = [i for i in range(len(before)) if before[i] != after[i]]
    if not changed:
        return False
    first, last = changed[0], changed[-1] + 1
    old, new = before[first:last], after[first:last]
    return old[1:] + old[0] == new or old[-1] + old[:-1] == new


def _out_of_order(digits: str) -> int:
    return sum(left > right for i, left in enumerate(digits) for right in digits[i + 1 :])
