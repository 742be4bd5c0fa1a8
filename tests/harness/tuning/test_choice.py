"""The best point, worked by hand, and the choice by the files of trials."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.resolve import Plan
from harness.plan.trials import trial_plan
from harness.store import attempts
from harness.store.paths import RunPaths
from harness.tuning.choice import best_point, choice_of

Trial = Callable[..., None]


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([[0.1], [0.3], [0.2]], 1),
        ([[0.1, 0.5], [0.3, 0.2], [0.2, 0.2]], 0),  # means 0.3, 0.25, 0.2
        ([[0.2], [0.2], [0.1]], 0),  # a tie: the first
        ([[0.1], [0.2], [0.2]], 1),
        ([[0.1, 0.2], [0.15, 0.15]], 0),  # equal means
        ([[], [0.1], [0.05]], 1),
        ([[0.9], [0.1, 0.2]], 1),  # one of the first point's trials failed: the rest is no fair sample
        ([[0.0], []], 0),
        ([[], []], None),
    ],
)
def test_the_best_point(scores: list[list[float]], best: int | None) -> None:
    assert best_point([[Fraction(score).limit_denominator(100) for score in found] for found in scores]) == best


COUNTS = st.lists(st.integers(0, 400), min_size=2, max_size=2)


@given(counts=st.lists(COUNTS, min_size=2, max_size=5))
def test_no_point_is_better_than_the_best_and_none_before_it_as_good(counts: list[list[int]]) -> None:
    best = best_point([[Fraction(count, 400) for count in found] for found in counts])
    assert best is not None
    sums = [sum(found) for found in counts]
    assert sums[best] == max(sums)
    assert max(sums[:best], default=-1) < sums[best]


def write_all(trial: Trial, plan: Plan, run: RunPaths, counts: list[int | None]) -> None:
    for place, correct in enumerate(counts):
        trial(plan, run, place, correct)


def test_the_mean_over_tuning_seeds_decides(plan: Plan, run: RunPaths, trial: Trial) -> None:
    write_all(trial, plan, run, [40, 44, 100, 0, 50, 60])  # means 42, 50, 55 of 400
    choice = choice_of(plan, "g2rl", run)
    assert choice is not None
    assert (choice.point, choice.values) == (2, {"strength": 1.0})
    assert choice.scores == (42 / 400, 50 / 400, 55 / 400)
    assert (choice.finished, choice.trials) == ((2, 2, 2), 6)


def test_a_tie_goes_to_the_first_of_the_grid(plan: Plan, run: RunPaths, trial: Trial) -> None:
    write_all(trial, plan, run, [10, 20, 33, 34, 34, 33])
    choice = choice_of(plan, "g2rl", run)
    assert choice is not None
    assert choice.point == 1


def test_failed_trials_are_left_out_and_counted(plan: Plan, run: RunPaths, trial: Trial) -> None:
    write_all(trial, plan, run, [None, 390, 20, 24, None, None])
    choice = choice_of(plan, "g2rl", run)
    assert choice is not None
    assert (choice.point, choice.finished, choice.trials) == (1, (1, 2, 0), 6)
    assert choice.scores == (390 / 400, 22 / 400, None)


def test_when_all_trials_failed_nothing_is_chosen(plan: Plan, run: RunPaths, trial: Trial) -> None:
    write_all(trial, plan, run, [None] * 6)
    choice = choice_of(plan, "g2rl", run)
    assert choice is not None
    assert (choice.point, choice.values, choice.scores) == (None, None, (None, None, None))


def waiting_cell(plan: Plan, run: RunPaths) -> None:
    """The last trial has not begun."""


def living_cell(plan: Plan, run: RunPaths) -> None:
    attempts.begin(run.cell(trial_plan(plan, "g2rl").cells[-1].id))  # this very process, which lives


def interrupted_cell(plan: Plan, run: RunPaths) -> None:
    paths = run.cell(trial_plan(plan, "g2rl").cells[-1].id)
    attempts.end(paths, attempts.begin(paths), "interrupted", {"kind": "interrupted", "message": "by the user"})


def killed_cell(plan: Plan, run: RunPaths) -> None:
    paths = run.cell(trial_plan(plan, "g2rl").cells[-1].id)
    attempts.end(paths, attempts.begin(paths), "failed", {"kind": "killed", "message": "signal 9"})


def cell_without_records(plan: Plan, run: RunPaths) -> None:
    paths = run.cell(trial_plan(plan, "g2rl").cells[-1].id)
    attempts.end(paths, attempts.begin(paths), "done")


@pytest.mark.parametrize("last", [waiting_cell, living_cell, interrupted_cell, killed_cell, cell_without_records])
def test_nothing_is_chosen_while_a_trial_is_to_be_made(last: Any, plan: Plan, run: RunPaths, trial: Trial) -> None:
    write_all(trial, plan, run, [40, 44, 100, 0, 50])
    last(plan, run)
    assert choice_of(plan, "g2rl", run) is None


def test_nothing_is_chosen_while_a_failed_trial_is_to_be_tried_again(plan: Plan, run: RunPaths, trial: Trial) -> None:
    write_all(trial, plan, run, [40, 44, 100, 0, 50, None])
    assert choice_of(plan, "g2rl", run) is not None
    again = trial_plan(plan, "g2rl").cells[-1].id
    assert choice_of(plan, "g2rl", run, busy={again}) is None
