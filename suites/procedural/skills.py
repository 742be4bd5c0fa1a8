"""Every procedural skill at the difficulties in use."""

from __future__ import annotations

from functools import partial

from suites.procedural import arithmetic, countdown, graphs, sorting
from suites.procedural.problem import Sampler, Skill

FOUR_NUMBERS = countdown.Range(count=4, largest_number=12, smallest_target=10, largest_target=60, largest_result=99)
FIVE_NUMBERS = countdown.Range(count=5, largest_number=12, smallest_target=10, largest_target=60, largest_result=99)
LARGER_TARGETS = countdown.Range(count=4, largest_number=12, smallest_target=61, largest_target=99, largest_result=99)


def _countdown(name: str, sample: Sampler, max_tokens: int) -> Skill:
    return Skill(
        name=name,
        sample=sample,
        grader=countdown.grade,
        grader_version=countdown.GRADER_VERSION,
        max_tokens=max_tokens,
    )


SKILLS: dict[str, Skill] = {
    "countdown": _countdown("countdown", partial(countdown.sample, drawn=FOUR_NUMBERS), 40),
    "countdown-five": _countdown("countdown-five", partial(countdown.sample, drawn=FIVE_NUMBERS), 48),
    "countdown-large": _countdown("countdown-large", partial(countdown.sample, drawn=LARGER_TARGETS), 40),
    "arithmetic": Skill(
        name="arithmetic",
        sample=partial(arithmetic.sample, drawn=arithmetic.Range(largest_term=999, largest_factor=99)),
        grader=arithmetic.grade,
        grader_version=arithmetic.GRADER_VERSION,
        max_tokens=40,
    ),
    "sorting": Skill(
        name="sorting",
        sample=partial(sorting.sample, length=6),
        grader=sorting.grade,
        grader_version=sorting.GRADER_VERSION,
        max_tokens=48,
    ),
    "graphs": Skill(
        name="graphs",
        sample=partial(graphs.sample, drawn=graphs.Range(nodes=6, edges=5)),
        grader=graphs.grade,
        grader_version=graphs.GRADER_VERSION,
        max_tokens=32,
    ),
}
"""By name; frozen suites and training tasks draw from these."""
