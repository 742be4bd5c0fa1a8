"""What the skills have in common: a problem, the side of the split it lies on, and the rule for a grade."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from suites.contract import Grade, Grader, Item

Split = Literal["evaluation", "training"]

EVALUATION_ONE_IN = 8
"""One key in this many belongs to evaluation, all others to training."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem of a skill, with one right answer written out."""

    key: str
    """Canonical name: equal for problems that differ only in the order of what is given."""
    prompt: str
    """What the model sees."""
    payload: Mapping[str, Any]
    """The problem itself, JSON-able."""
    solution: str
    """A worked answer that grades correct."""

    @property
    def item(self) -> Item:
        """The problem without its solution, as the suites hold it."""
        skill = self.key.partition(":")[0]
        digest = hashlib.sha256(self.key.encode()).hexdigest()
        return Item(id=f"{skill}-{digest[:12]}", prompt=self.prompt, payload=self.payload)


Sampler = Callable[[Random], Problem]
"""Draws one problem from either side of the split; the same generator state gives the same problem."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skill:
    """One skill at one difficulty: where its problems come from and how answers are graded."""

    name: str
    sample: Sampler
    grader: Grader
    grader_version: int
    """Goes up whenever some answer would be graded differently; part of every suite's hash."""
    max_tokens: int
    """Characters that the longest worked solution needs, with some room."""


def split_of(key: str) -> Split:
    """Return the side that a problem's key lies on: a hash of the key decides, so no problem is on both."""
    digest = hashlib.sha256(key.encode()).digest()
    return "evaluation" if int.from_bytes(digest[:8], "big") % EVALUATION_ONE_IN == 0 else "training"


def draw(sample: Sampler, generator: Random, split: Split) -> Problem:
    """Draw problems until one lies on the wanted side of the split."""
    while True:
        problem = sample(generator)
        if split_of(problem.key) == split:
            return problem


def settle(*, answer: str, steps_hold: bool, result_right: bool) -> Grade:
    """Return the grade of an answer that could be read.

    A right result reached by a false step is no answer at all: its `answer` is None. So answers that are
    equal always have the same grade, which a vote among them needs.

    Args:
        answer: The result in canonical form.
        steps_hold: Whether every step is true and allowed.
        result_right: Whether the result is what the problem asks for.
    """
    if result_right and not steps_hold:
        return Grade(correct=False, answer=None)
    return Grade(correct=result_right, answer=answer)


UNREADABLE = Grade(correct=False, answer=None)
"""The grade of a text that is not of the skill's form."""
