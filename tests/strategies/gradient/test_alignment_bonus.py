"""The alignment bonus: signed, towards right answers or validation problems, and paid for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import sqrt
from typing import Literal

import pytest
import torch

from strategies import PromptPool, Rollouts, RunSettings, Strategy
from strategies.gradient.alignment_bonus import AlignmentBonus

RolloutFactory = Callable[..., Rollouts]
PoolFactory = Callable[..., PromptPool]
FEATURES = [[2.0, 0], [0, 1.0], [-3.0, 0], [1.0, 1.0]]


def aligned(strategy: AlignmentBonus, rollouts: Rollouts, target: Sequence[float] | None = None) -> list[float]:
    shaped, _ = strategy.shape(rollouts, {} if target is None else {"target": torch.tensor(target)})
    assert shaped is not None
    return list(shaped.columns["signal"].tolist())


def test_towards_the_right_answers(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 0, 0, 1), features=FEATURES)
    # The first against (1, 1)/√2, the last against (1, 0); the wrong ones against the mean of both.
    mean = torch.tensor([1 + sqrt(0.5), sqrt(0.5)])
    x, y = (mean / mean.norm()).tolist()
    assert aligned(AlignmentBonus(), rollouts) == pytest.approx([sqrt(0.5), y, -x, sqrt(0.5)], abs=1e-6)
    away = aligned(AlignmentBonus(direction="away"), rollouts)
    assert away == pytest.approx([-sqrt(0.5), -y, x, -sqrt(0.5)], abs=1e-6)


def test_it_is_added_to_rewards(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 0, 0, 1), features=FEATURES, scale="none")
    strategy = AlignmentBonus(strength=0.5, target="validation")
    shaped, _ = strategy.shape(rollouts, {"target": torch.tensor([1.0, 0])})
    assert shaped is not None
    rewards = torch.tensor([1.5, 0, -0.5, 1 + 0.5 * sqrt(0.5)])
    torch.testing.assert_close(shaped.advantages, rewards - rewards.mean())


def test_a_dot_product_is_scaled_by_the_largest(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 0, 0, 1), features=FEATURES)
    found = aligned(AlignmentBonus(by="dot", target="validation"), rollouts, [2.0, 0])
    assert found == pytest.approx([2 / 3, 0, -1, 1 / 3])


def test_the_validation_gradient_is_sampled_now_and_then(make_pool: PoolFactory, make_rollouts: RolloutFactory) -> None:
    looked: list[tuple[int, int, str | None]] = []

    def probe(
        problems: Sequence[int],
        rollouts: int,
        signals: frozenset[str] = frozenset(),
        *,
        suite: str | None = None,
        part: str = "",
    ) -> Rollouts:
        looked.append((len(problems), rollouts, suite))
        assert signals == {"gradient_features"}
        made = make_rollouts(rewards=(1, 0, 1, 1), group_size=2, features=[[1.0, 0], [0, 1.0], [5.0, 5], [5.0, 5]])
        return replace(made, mask=torch.ones_like(made.mask))

    strategy = AlignmentBonus(target="validation", every_batches=4, validation_problems=2, validation_rollouts=2)
    state, pool = strategy.init(), replace(make_pool(), probe=probe)
    picked, state = strategy.pick_prompts(replace(pool, step=3), state)
    assert picked is None
    # The first problem's: ½·½·(1, 0) − ½·½·(0, 1); the second is always solved and gives none.
    torch.testing.assert_close(state["target"], torch.tensor([0.125, -0.125]))
    for step in (4, 5, 6, 7, 8):
        _, state = strategy.pick_prompts(replace(pool, step=step), state)
    assert looked == [(2, 2, "countdown-validation")] * 3  # at once, since there was none, then at 4 and 8


def test_correct_answers_need_no_sampling(make_pool: PoolFactory) -> None:
    def none(*_: object, **__: object) -> Rollouts:
        raise AssertionError("nothing is probed here")

    for strategy in (AlignmentBonus(), AlignmentBonus(target="validation", strength=0)):
        picked, state = strategy.pick_prompts(replace(make_pool(), probe=none), strategy.init())
        assert (picked, state) == (None, {})


@pytest.mark.parametrize(
    ("suite", "says"), [("countdown", "one that the plan reports"), ("nowhere", "suite must be one of")]
)
def test_a_suite_that_is_reported_or_unknown_is_refused(suite: str, says: str) -> None:
    run = RunSettings(suites=("countdown",), known_suites=("countdown", "countdown-validation"))
    with pytest.raises(ValueError, match=says):
        AlignmentBonus(target="validation", suite=suite).check(run)
    strategy: Strategy = AlignmentBonus(suite=suite)
    strategy.check(run)


@pytest.mark.parametrize("by", ["cosine", "dot"])
def test_cosines_are_cosines_whatever_the_bonus_is_made_of(
    by: Literal["cosine", "dot"], make_rollouts: RolloutFactory
) -> None:
    rollouts = make_rollouts(rewards=(1, 0, 0, 1), features=FEATURES)
    strategy = AlignmentBonus(by=by, direction="away", target="validation")
    shaped, _ = strategy.shape(rollouts, {"target": torch.tensor([2.0, 0])})
    assert shaped is not None
    found = shaped.cosines["rollouts and the validation gradient"]
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0, -1.0, sqrt(0.5)]))


def test_a_lone_right_answer_has_no_target_and_no_cosine(make_rollouts: RolloutFactory) -> None:
    shaped, _ = AlignmentBonus().shape(make_rollouts(rewards=(1, 0, 0, 0), features=FEATURES), {})
    assert shaped is not None
    (found,) = shaped.cosines.values()
    torch.testing.assert_close(found, torch.tensor([0.0, -1.0, sqrt(0.5)]))  # the wrong ones and (2, 0)
