"""When a reset fires, what it asks for, and when it is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from strategies import Progress, RunSettings, State, StrategyError, build
from strategies.combinators.resets import WithResets
from strategies.controls.grpo import GRPO


def after(step: int, reward: float) -> Progress:
    return Progress(step=step, share=0.0, reward=reward, entropy=0.0, generator=torch.Generator())


def fired(strategy: WithResets, rewards: list[float], state: State | None = None) -> dict[int, str]:
    """Return the causes of the resets by step, for steps 1, 2, … with these mean rewards."""
    state = strategy.init() if state is None else state
    causes = {}
    for step, reward in enumerate(rewards, start=1):
        events, state = strategy.react(after(step, reward), state)
        for event in events:
            assert event.kind == strategy.action
            causes[step] = event.cause
    return causes


def plateau(**changes: Any) -> WithResets:
    """Return resets on a plateau with windows of two steps, two of them without a gain of an eighth."""
    values: dict[str, Any] = {"window_steps": 2, "patience_steps": 2, "min_gain": 0.125, **changes}
    return WithResets(strategy=GRPO(), trigger="plateau", **values)


@pytest.mark.parametrize("action", ["reference", "optimizer"])
def test_every_so_many_steps(action: Any) -> None:
    strategy = WithResets(strategy=GRPO(), trigger="every", every_steps=3, action=action)
    assert fired(strategy, [0.0] * 10) == dict.fromkeys((3, 6, 9), "every 3 steps")


def test_a_plateau_by_hand() -> None:
    # step      1    2     3    4    5       6       7        8    9
    rewards = [0.0, 0.25, 0.5, 0.5, 0.4375, 0.4375, 0.5, 0.5, 0.5]
    # mean           0.125 0.375 0.5  0.46875 0.4375 0.46875  0.5  0.5
    # best           0.125 0.375 0.375 0.46875*      0.46875*      0.5*     (* set by a reset)
    # waited         0     0    1 (0.5 is no more than 0.375 + 0.125), 2 → reset at step 5
    strategy = plateau()
    assert set(fired(strategy, rewards)) == {5, 7, 9}


def test_the_cause_says_what_was_waited_for() -> None:
    causes = fired(plateau(), [0.25] * 4)
    assert causes == {4: "mean reward of 2 steps has not passed 0.3750 for 2 steps (now 0.2500)"}


def test_a_reward_that_keeps_rising_resets_nothing() -> None:
    assert fired(plateau(), [0.15 * step for step in range(12)]) == {}


def test_small_gains_add_up_to_a_gain() -> None:
    slow = [0.06 * step for step in range(12)]  # 0.18 above the best every third step, when the patience of 3 would end
    assert fired(plateau(patience_steps=3), slow) == {}


def test_waiting_starts_anew_after_a_reset() -> None:
    assert set(fired(plateau(patience_steps=3), [0.5] * 12)) == {5, 8, 11}


def test_after_a_reset_the_best_is_what_it_was_reset_at() -> None:
    # The reward falls from 0.8 to 0.2 and the reset at step 4 takes 0.2 for the best: 0.35 is then a gain.
    assert set(fired(plateau(), [0.8, 0.8, 0.2, 0.2, 0.5, 0.5, 0.5, 0.5])) == {4, 8}


def test_a_flat_reward_is_a_plateau_even_when_any_gain_counts() -> None:
    assert set(fired(plateau(min_gain=0.0), [0.0] * 6)) == {4, 6}


def test_no_reset_before_the_first_window_is_full() -> None:
    assert fired(plateau(window_steps=10, patience_steps=1), [0.0] * 10) == {}


def test_resets_are_counted() -> None:
    strategy = WithResets(strategy=GRPO(), trigger="every", every_steps=1)
    state = strategy.init()
    for step in (1, 2):
        _, state = strategy.react(after(step, 0.0), state)
    assert state["resets"] == 2


def test_resets_within_resets_both_fire() -> None:
    inner = WithResets(strategy=GRPO(), trigger="every", every_steps=2, action="optimizer")
    outer = WithResets(strategy=inner, trigger="every", every_steps=3, action="reference")
    events, _ = outer.react(after(6, 0.0), outer.init())
    assert [event.kind for event in events] == ["optimizer", "reference"]


def test_a_reference_that_nothing_is_held_to_is_refused() -> None:
    with pytest.raises(ValueError, match=r"training\.kl is 0\.0: it would do nothing\. Set training\.kl above 0"):
        WithResets(strategy=GRPO(), action="reference").check(RunSettings(kl=0.0, group_size=8))


@pytest.mark.parametrize(("action", "kl"), [("reference", 0.001), ("optimizer", 0.0)])
def test_resets_that_act_are_accepted(action: Any, kl: float) -> None:
    WithResets(strategy=GRPO(), action=action).check(RunSettings(kl=kl, group_size=8))


def test_the_inner_strategy_is_checked_too() -> None:
    inner = WithResets(strategy=GRPO(), action="reference")
    with pytest.raises(ValueError, match="would do nothing"):
        WithResets(strategy=inner, action="optimizer").check(RunSettings(kl=0.0, group_size=8))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"every_steps": 0}, "every_steps must be at least 1, got 0"),
        ({"window_steps": 0}, "window_steps must be at least 1, got 0"),
        ({"patience_steps": -1}, "patience_steps must be at least 1, got -1"),
        ({"min_gain": -0.1}, r"min_gain must be at least 0, got -0\.1"),
    ],
)
def test_parameters_out_of_bounds_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError, match=f"with_resets: {message}"):
        build({"with_resets": {"strategy": "grpo", **parameters}})
