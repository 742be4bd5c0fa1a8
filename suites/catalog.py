"""The suites and training tasks of this package: what is frozen, from which skills, and how it is graded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random

from suites.contract import Item, TrainingTask
from suites.procedural.problem import Skill, draw
from suites.procedural.skills import SKILLS

LICENCE = "Apache-2.0"
STOP = ("\n",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """What a frozen suite is made from."""

    name: str
    version: int
    """Goes up whenever the items change."""
    description: str
    skill: str
    """The procedural skill that the items ask for, as the suite reports it."""
    parts: tuple[tuple[str, int], ...]
    """Entries of `SKILLS`, all of one grader, and how many items each gives."""
    validation: bool = False
    """Whether the suite is for choosing parameters: it shares no item with any suite that is not."""

    @property
    def source(self) -> Skill:
        """The skill whose grader grades the suite."""
        return SKILLS[self.parts[0][0]]

    @property
    def max_tokens(self) -> int:
        """Tokens that an answer may have: what the longest of the parts needs."""
        return max(SKILLS[name].max_tokens for name, _ in self.parts)

    @property
    def grader_name(self) -> str:
        """The grader with its version, as it enters the suite's hash."""
        return f"{self.skill}/{self.source.grader_version}"


def _validation(part: str, skill: str) -> Frozen:
    return Frozen(
        name=f"{part}-validation",
        version=1,
        description=f"For choosing parameters, never for comparing arms: problems as in the training task {part}.",
        skill=skill,
        parts=((part, 200),),
        validation=True,
    )


FROZEN: dict[str, Frozen] = {
    suite.name: suite
    for suite in (
        Frozen(
            name="countdown",
            version=1,
            description="Reach a target from four numbers with + - *, as in training.",
            skill="countdown",
            parts=(("countdown", 200),),
        ),
        Frozen(
            name="countdown-hard",
            version=1,
            description="Countdown beyond the range of the training task: five numbers, or larger targets.",
            skill="countdown",
            parts=(("countdown-five", 100), ("countdown-large", 100)),
        ),
        Frozen(
            name="arithmetic",
            version=1,
            description="Sums, differences and products of several digits, with intermediate steps.",
            skill="arithmetic",
            parts=(("arithmetic", 100),),
        ),
        Frozen(
            name="sorting",
            version=1,
            description="Sort digits one insertion at a time.",
            skill="sorting",
            parts=(("sorting", 100),),
        ),
        Frozen(
            name="graphs",
            version=1,
            description="Shortest path in a small graph by breadth-first search.",
            skill="graphs",
            parts=(("graphs", 100),),
        ),
        _validation("countdown", "countdown"),
        _validation("countdown-five", "countdown"),
        _validation("countdown-large", "countdown"),
        _validation("arithmetic", "arithmetic"),
        _validation("sorting", "sorting"),
        _validation("graphs", "graphs"),
    )
}
"""The suites of this package by name; for each training task there is one to choose parameters by."""


def _training_item(skill: str, generator: Random) -> Item:
    return draw(SKILLS[skill].sample, generator, "training").item


def _task(name: str, skill: str, description: str) -> TrainingTask:
    return TrainingTask(
        name=name,
        description=description,
        sample=partial(_training_item, skill),
        grader=SKILLS[skill].grader,
        max_tokens=SKILLS[skill].max_tokens,
    )


TRAINING_TASKS: dict[str, TrainingTask] = {
    task.name: task
    for task in (
        _task("countdown", "countdown", "Reach a target from four numbers with + - *."),
        _task("countdown-five", "countdown-five", "Reach a target from five numbers with + - *."),
        _task("countdown-large", "countdown-large", "Reach a larger target from four numbers with + - *."),
        _task("arithmetic", "arithmetic", "Sums, differences and products of several digits, with steps."),
        _task("sorting", "sorting", "Sort digits one insertion at a time."),
        _task("graphs", "graphs", "Shortest path in a small graph by breadth-first search."),
    )
}
"""The training tasks of this package by name; none ever yields an item of a suite."""
