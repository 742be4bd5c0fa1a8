"""Outcome exploration: the four bonuses of one group, and the counts behind them."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Literal

import pytest
import torch

from strategies import Rollouts, RunSettings, Shaped, State
from strategies.rewards.outcome_ucb import OutcomeUCB, counted, repeats

BatchFactory = Callable[..., Rollouts]
Variant = Literal["ucb", "mean", "con", "batch"]

# To prompt 5, "7" was given 4 times before, "8" 16 times, no readable answer once, "9" never: u = 1/2, 1/4, 1, 1.
COUNTS = {5: {"=7": 4, "=8": 16, "": 1}, 6: {"=9": 100}}
ANSWERS = ["7", "8", None, "9"]
BONUS: dict[Variant, list[float]] = {
    "ucb": [0.5, 0.25, 1.0, 1.0],
    "con": [0.0, -0.25, 0.5, 0.5],
    "mean": [0.5 - 2.25 / 3, 0.25 - 2.5 / 3, 1 - 1.75 / 3, 1 - 1.75 / 3],
}


def shape(one: OutcomeUCB, batch: Rollouts, counts: dict[int, dict[str, int]]) -> tuple[Shaped, State]:
    shaped, state = one.shape(batch, {"counts": counts})
    assert shaped is not None
    return shaped, state


@pytest.mark.parametrize("variant", BONUS)
def test_the_historical_bonuses(variant: Variant, make_batch: BatchFactory) -> None:
    batch = make_batch((1, 0, 0, 0), answers=ANSWERS, indices=[5] * 4)
    shaped, state = shape(OutcomeUCB(variant=variant), batch, COUNTS)
    torch.testing.assert_close(shaped.advantages - batch.advantages, 0.2 * torch.tensor(BONUS[variant]))
    assert state["counts"] == {5: {"=7": 5, "=8": 17, "": 2, "=9": 1}, 6: {"=9": 100}}
    assert shaped.diagnostics["new_answers"] == 0.25
    assert shaped.diagnostics["bonus"] == pytest.approx(sum(BONUS[variant]) / 4, abs=1e-6)


def test_the_batch_bonus_counts_the_others_with_the_same_answer(make_batch: BatchFactory) -> None:
    batch = make_batch((1, 0, 0, 0), answers=["7", "8", "8", "8"], indices=[5] * 4)
    shaped, _ = shape(OutcomeUCB(variant="batch", weight=1.0), batch, COUNTS)
    torch.testing.assert_close(shaped.advantages - batch.advantages, torch.tensor([0.0, -0.5, -0.5, -0.5]))


def test_repeats_are_of_the_group() -> None:
    assert repeats(["a", "b", "a", "a", "a", "a"], 3).tolist() == [[1, 0, 1], [2, 2, 2]]


def test_the_baseline_and_the_weight(make_batch: BatchFactory) -> None:
    batch = make_batch((1, 0, 0, 0), answers=ANSWERS, indices=[5] * 4)
    shaped, _ = shape(OutcomeUCB(weight=0.4, baseline=1.0), batch, COUNTS)
    expected = 0.4 * torch.tensor([-0.5, -0.75, 0.0, 0.0])
    torch.testing.assert_close(shaped.advantages - batch.advantages, expected)


@pytest.mark.parametrize("variant", [*BONUS, "batch"])
def test_a_group_of_right_answers_gets_nothing(variant: Variant, make_batch: BatchFactory) -> None:
    answers = ["8", "7", "7", "7", *ANSWERS]
    batch = make_batch((1, 1, 1, 1, 0, 0, 0, 0), answers=answers, indices=[5] * 8)
    shaped, state = shape(OutcomeUCB(variant=variant), batch, COUNTS)
    assert shaped.advantages[:4].tolist() == [0, 0, 0, 0]
    if variant != "batch":
        torch.testing.assert_close(shaped.advantages[4:], 0.2 * torch.tensor(BONUS[variant]))
    assert state["counts"][5]["=7"] == 8  # it is counted all the same


def test_history_makes_an_answer_cheaper(make_batch: BatchFactory) -> None:
    one = OutcomeUCB(variant="ucb", weight=1.0)
    state, seen = one.init(), []
    for _ in range(3):
        batch = make_batch((1, 0), group_size=2, answers=["1", "2"], indices=[4, 4])
        shaped, state = one.shape(batch, state)
        assert shaped is not None
        seen.append((shaped.advantages - batch.advantages)[1].item())
    assert seen == pytest.approx([1.0, 1.0, 1 / sqrt(2)], abs=1e-6)


def test_counting_leaves_the_old_counts_alone() -> None:
    old = {5: {"=7": 4}}
    assert counted(old, [5, 9, 5], ["=7", "", "=1"]) == {5: {"=7": 5, "=1": 1}, 9: {"": 1}}
    assert old == {5: {"=7": 4}}


def test_an_empty_answer_is_not_a_missing_one(make_batch: BatchFactory) -> None:
    batch = make_batch((1, 0), group_size=2, answers=["", None], indices=[1, 1])
    assert shape(OutcomeUCB(), batch, {})[1]["counts"] == {1: {"=": 1, "": 1}}


@pytest.mark.parametrize("variant", ["mean", "batch"])
def test_groups_of_one_are_refused(variant: Variant) -> None:
    with pytest.raises(ValueError, match="compares the rollouts of a group, and groups have 1"):
        OutcomeUCB(variant=variant).check(RunSettings(group_size=1))
    OutcomeUCB(variant=variant).check(RunSettings(group_size=2))
    OutcomeUCB(variant="con").check(RunSettings(group_size=1))


@pytest.mark.parametrize("variant", BONUS)
def test_a_run_without_second_visits_is_refused(variant: Variant) -> None:
    with pytest.raises(ValueError, match=r"no more than 100 visits to 100 prompts; .* Choose variant 'batch'"):
        OutcomeUCB(variant=variant).check(RunSettings(pool=100, visits=100.0))
    OutcomeUCB(variant=variant).check(RunSettings(pool=100, visits=101.0))
    OutcomeUCB(variant=variant).check(RunSettings(pool=100, visits=None))
    OutcomeUCB(variant="batch").check(RunSettings(pool=100, visits=10.0))
    OutcomeUCB(variant=variant, weight=0.0).check(RunSettings(pool=100, visits=10.0))
