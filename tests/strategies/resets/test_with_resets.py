"""What a reset asks for, what restarts it opens, what it is charged for, and when it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from strategies import ModelFacts, Progress, RunSettings, State, Strategy, StrategyError, build, label
from strategies.controls.grpo import GRPO
from strategies.controls.noise_novelty import NoiseNovelty
from strategies.resets.with_resets import WithResets


def after(step: int) -> Progress:
    source = torch.Generator().manual_seed(step)
    return Progress(step=step, share=0.0, reward=0.5, entropy=0.0, generator=source)


def resets(**changes: Any) -> WithResets:
    values: dict[str, Any] = {
        "strategy": GRPO(),
        "trigger": "every",
        "every_steps": 1,
        "action": "optimizer",
        **changes,
    }
    return WithResets(**values)


def events_at(strategy: Strategy, step: int) -> list[Any]:
    return strategy.react(after(step), strategy.init())[0]


@pytest.mark.parametrize(
    ("action", "amounts"),
    [
        ("reference", {}),
        ("optimizer", {}),
        ("shrink", {"eta": 0.25}),
        ("lora", {}),
        ("dormant", {"tau": 0.5}),
        ("state", {"batches": 3.0}),
        ("novelty", {"batches": 3.0}),
    ],
)
def test_an_event_says_what_is_done_why_and_how_much(action: Any, amounts: dict[str, float]) -> None:
    strategy = resets(action=action, eta=0.25, tau=0.5, lasting_batches=3)
    (event,) = events_at(strategy, 1)
    assert (event.kind, event.cause, dict(event.amounts)) == (action, "every 1 steps", amounts)
    assert events_at(replace(strategy, every_steps=2), 1) == []


def test_resets_within_resets_both_fire() -> None:
    outer = resets(strategy=resets(every_steps=2), every_steps=3, action="reference")
    assert [event.kind for event in events_at(outer, 6)] == ["optimizer", "reference"]


# Restarts


def batches(
    strategy: WithResets, make_rollouts: Any, count: int, state: State | None = None
) -> tuple[list[int], State]:
    """Return how many rollouts went on from prefixes in each batch of one step, and the last state."""
    state, going_on = strategy.init() if state is None else state, []
    for step in range(1, count + 1):
        going_on.append(strategy.continued(4, state))
        rollouts = make_rollouts(seed=step)
        if going_on[-1]:
            where, state = strategy.restart(rollouts, state)
            assert where.shape == (3, 2)
        _, state = strategy.shape(rollouts, state)
        _, state = strategy.react(after(step), state)
    return going_on, state


@pytest.mark.parametrize("action", ["state", "novelty"])
@pytest.mark.parametrize(
    ("every", "lasting", "expected"),
    [(3, 1, [0, 0, 0, 2, 0, 0, 2, 0]), (3, 2, [0, 0, 0, 2, 2, 0, 2, 2]), (2, 2, [0, 0, 2, 2, 2, 2, 2, 2])],
)
def test_restarts_last_for_so_many_batches(
    make_rollouts: Any, action: Any, every: int, lasting: int, expected: list[int]
) -> None:
    strategy = resets(action=action, every_steps=every, lasting_batches=lasting)
    assert batches(strategy, make_rollouts, 8)[0] == expected


def test_an_action_on_the_model_restarts_nothing(make_rollouts: Any) -> None:
    assert batches(resets(), make_rollouts, 4)[0] == [0] * 4


def test_the_inner_strategy_restarts_while_the_outer_does_not(make_rollouts: Any) -> None:
    inner = resets(action="state", share=0.5, lasting_batches=9)
    outer = resets(strategy=inner, action="novelty", every_steps=3, lasting_batches=1)
    going_on, state = batches(outer, make_rollouts, 4)
    assert going_on == [0, 2, 2, 2]
    assert sum(state["archive"]["counts"].values()) > 0, "the fourth batch was the outer one's"


def test_the_log_sets_the_two_parts_beside_each_other(make_rollouts: Any) -> None:
    strategy = resets(action="novelty", bits=4)
    _, state = batches(strategy, make_rollouts, 2)
    rollouts = replace(make_rollouts(), fresh=2, prefix_tokens=[0, 0, 3, 4] * 3)
    shaped, _ = strategy.shape(rollouts, state)
    assert shaped is not None
    assert torch.equal(shaped.advantages, rollouts.advantages)
    assert shaped.diagnostics == {
        "restarts/reward_fresh": pytest.approx(4 / 6),
        "restarts/reward_continued": pytest.approx(5 / 6),
        "restarts/prefix_tokens": 3.5,
        "restarts/cells": len(state["archive"]["counts"]),
    }


# The watch


@pytest.mark.usefixtures("low")
def test_the_watch_measures_each_batch_and_is_charged_by_name(make_rollouts: Any) -> None:
    charged: list[str] = []
    rollouts = make_rollouts()

    def charge(part: str) -> Any:
        charged.append(part)
        return torch.no_grad()

    watched = resets(strategy=build("rnd"), trigger="collapse", threshold=9.0, window_steps=1)
    _, state = watched.shape(replace(rollouts, charge=charge), watched.init())
    assert charged == ["watch"]
    assert state["measured"] == {
        "entropy": pytest.approx(rollouts.signals["entropy"].sum(1).div(rollouts.mask.sum(1)).mean().item())
    }
    events, _ = watched.react(after(1), state)
    assert [event.cause for event in events] == [f"collapse: {state['measured']['entropy']:.2f} < 9.00"]
    assert watched.react(after(1), {**state, "measured": {"entropy": 9.5}})[0] == []
    assert watched.asked() == {**build("rnd").asked(), "watch": {"entropy"}}
    assert watched.needs() == build("rnd").needs() | {"entropy"}


@pytest.mark.usefixtures("low")
def test_a_watch_that_may_reset_nothing_does_not_look() -> None:
    idle = resets(trigger="collapse", action="novelty", most=0)
    assert idle.needs() == frozenset()
    assert resets(trigger="collapse", action="novelty").asked() == {
        "": set(),
        "watch": {"entropy"},
        "archive": {"hidden"},
    }


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize(
    ("changes", "expected"), [({}, [2, 5, 8]), ({"cool_down_steps": 0}, [2, 3, 4, 5, 6, 7, 8]), ({"most": 1}, [2])]
)
def test_the_cool_down_after_a_watch_is_its_window(changes: dict[str, Any], expected: list[int]) -> None:
    strategy = resets(trigger="collapse", threshold=1.0, window_steps=2, **changes)
    state, found = {**strategy.init(), "measured": {"entropy": 0.0}}, []
    for step in range(1, 9):
        events, state = strategy.react(after(step), state)
        found += [step] * len(events)
    assert found == expected


# Controls


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize(
    ("changes", "control"),
    [
        ({"every_steps": 7}, "trigger=random, action=optimizer, mean_steps=7.0"),
        (
            {"every_steps": 7, "cool_down_steps": 9},
            "trigger=random, action=optimizer, mean_steps=5.0, cool_down_steps=9",
        ),
        (
            {"trigger": "collapse", "threshold": 0.5, "window_steps": 6, "most": 3},
            "trigger=random, action=optimizer, mean_steps=6.0, cool_down_steps=6, most=3",
        ),
        ({"action": "novelty", "bits": 4}, "trigger=random, action=state, mean_steps=1.0, bits=4"),
    ],
)
def test_its_control_resets_at_random_with_the_same_mean_gap(changes: dict[str, Any], control: str) -> None:
    (made,) = resets(**changes).controls()
    assert label(made) == f"with_resets(grpo, {control})"
    assert made.controls() == ()


def test_a_bonus_in_it_is_shuffled_too() -> None:
    shuffled, at_random = resets(strategy=build("g2rl")).controls()
    assert shuffled == NoiseNovelty(of=resets(strategy=build("g2rl")))
    assert at_random == resets(strategy=build("g2rl"), trigger="random", mean_steps=1.0, every_steps=50)


# Refusals

NEURONS = ModelFacts(name="small", mlps=2)


@pytest.mark.parametrize(
    ("action", "run", "message"),
    [
        (
            "reference",
            {},
            r"training\.kl is 0\.0: it would do nothing\. Set training\.kl above 0 .* or use action optim",
        ),
        ("lora", {}, "this run trains the weights themselves. Set training.lora, or use action shrink or optimizer"),
        ("dormant", {"adapters": True}, "this run trains adapters .* Use action lora, or train the weights themselves"),
        (
            "dormant",
            {"model": lambda: ModelFacts(name="odd")},
            "odd has no MLP .* Use action shrink or optimizer, or ano",
        ),
        ("state", {"prefixes": False, "task": "judged"}, "action state .* task 'judged' can't. Train on a task whose"),
        ("novelty", {"prefixes": False}, "action novelty lets rollouts go on .* or use action optimizer, shrink"),
        ("novelty", {"group_size": 3}, "at least 2 rollouts, but training.group_size is 3. Set it to 4 or more"),
    ],
)
def test_what_could_do_nothing_is_refused_with_what_would_work(action: Any, run: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resets(action=action).check(RunSettings(**run))


@pytest.mark.parametrize(
    ("action", "run"),
    [
        ("reference", {"kl": 0.001}),
        ("optimizer", {}),
        ("shrink", {"prefixes": False}),
        ("lora", {"adapters": True}),
        ("dormant", {"model": lambda: NEURONS}),
        ("state", {"group_size": 4}),
        ("novelty", {"group_size": 4}),
    ],
)
def test_what_acts_is_accepted(action: Any, run: dict[str, Any]) -> None:
    resets(action=action).check(RunSettings(**run))


@pytest.mark.usefixtures("low")
def test_the_watch_and_the_inner_strategy_are_checked_too() -> None:
    with pytest.raises(ValueError, match="nothing to see"):
        resets(trigger="collapse").check(RunSettings(temperature=0.0))
    with pytest.raises(ValueError, match="would do nothing"):
        resets(strategy=resets(action="reference")).check(RunSettings(kl=0.0))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"window_steps": 0}, "window_steps must be at least 1, got 0"),
        ({"window_steps": 1}, "window_steps must be at least 2, got 1"),
        ({"trigger": "collapse", "threshold": -1.0}, r"threshold must be at least 0, got -1\.0"),
        ({"mean_steps": 0.5}, r"mean_steps must be at least 1, got 0\.5"),
        ({"eta": 0.0}, r"eta must be above 0 and at most 1, got 0\.0"),
        ({"share": 1.0}, r"share must be above 0 and below 1, got 1\.0"),
        ({"bits": 17}, "bits must be at least 1 and at most 16, got 17"),
        ({"trigger": "stall"}, "trigger: expected 'every', 'random', 'plateau'"),
    ],
)
def test_parameters_out_of_bounds_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        build({"with_resets": {"strategy": "grpo", **parameters}})
