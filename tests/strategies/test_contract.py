"""What holds for every strategy, alone and in every combination: one table of examples, and the same tests for all."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, get_args

import pytest
import torch

from strategies import (
    Event,
    Progress,
    PromptPool,
    Rollouts,
    Shaped,
    State,
    Strategy,
    StrategyError,
    build,
    describe,
    known_strategies,
    label,
)
from strategies.combinators.hybrid import Hybrid
from strategies.page import SECTIONS, page
from strategies.parameters import Range, parameters
from strategies.registry import STRATEGIES
from strategies.resets.triggers import Trigger
from strategies.resets.with_resets import WithResets
from strategies.settings import SETTINGS
from strategies.signals import EMBEDDINGS, SIGNALS

STEPS = 4


def test_every_strategy_has_an_example_and_every_example_a_strategy(examples: dict[str, Any]) -> None:
    assert {name.split()[0] for name in examples} == STRATEGIES.keys()
    for name, example in examples.items():
        assert next(iter(describe(build(example["spec"])))) == name.split()[0]


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_a_strategy_says_what_it_is(name: str) -> None:
    kind = known_strategies()[name]
    assert 0 < len(kind.summary) <= 80
    text = page(name, kind)
    places = [text.index(f"\n{section}:\n") for section in (*SECTIONS, "Parameters", "Controls", "Cost")]
    assert places == sorted(places)
    undocumented = [parameter.name for parameter in parameters(kind) if not parameter.text]
    assert undocumented == []


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_parameters_out_of_range_are_refused_with_the_range(name: str, examples: dict[str, Any]) -> None:
    spec = examples[name]["spec"]
    given = spec[name] if isinstance(spec, dict) else {}
    for parameter in parameters(known_strategies()[name]):
        for bounds in parameter.bounds:
            for value in outside(bounds):
                wrong = int(value) if parameter.kind.startswith("whole number") else float(value)
                with pytest.raises(StrategyError) as refused:
                    build({name: {**given, parameter.name: wrong}})
                assert f"{parameter.name} must be {bounds}, got {wrong}" in str(refused.value)


def outside(bounds: Range) -> list[float]:
    ends = [(bounds.above, 0), (bounds.least, -1), (bounds.below, 0), (bounds.most, 1)]
    return [end + past for end, past in ends if end is not None]


def test_padding_changes_nothing(example: dict[str, Any], contract: Any) -> None:
    strategy = build(example["spec"])
    assert (
        contract.run(strategy, [with_garbage(step) for step in contract.steps()]).seen()
        == contract.run(strategy, contract.steps()).seen()
    )


def with_garbage(step: Any) -> Any:
    """Return the same step with other tokens, and per-token signals that are not even numbers, in the padding."""
    nan = torch.tensor(float("nan"))
    mask, signals = step.rollouts.mask, dict(step.rollouts.signals)
    for name in ("logp", "entropy"):
        signals[name] = torch.where(mask, signals[name], nan)
    signals["hidden"] = torch.where(mask.unsqueeze(-1), signals["hidden"], nan)
    ids = torch.where(mask, step.rollouts.completion_ids, 7)
    tokens = step.tokens
    dirty = {name: torch.where(tokens.mask, getattr(tokens, name), nan) for name in ("logp", "old_logp", "entropy")}
    return step._replace(
        rollouts=replace(step.rollouts, completion_ids=ids, signals=signals), tokens=replace(tokens, **dirty)
    )


def test_it_keeps_the_contract(example: dict[str, Any], contract: Any) -> None:
    contract.require(lambda: build(example["spec"]))


def test_nothing_given_is_changed(example: dict[str, Any], contract: Any) -> None:
    strategy = build(example["spec"])
    state = contract.run(strategy, contract.steps()[:2]).states[-1]
    kept_state, given, untouched = copy.deepcopy(state), contract.steps()[0], contract.steps()[0]
    contract.run(strategy, [given], state)
    assert contract.same(state, kept_state)
    for thing, before in ((given.rollouts, untouched.rollouts), (given.tokens, untouched.tokens)):
        for name in ("rewards", "advantages", "completion_ids", "mask", "logp", "old_logp", "entropy"):
            if hasattr(thing, name):
                assert torch.equal(getattr(thing, name), getattr(before, name)), name
    assert given.rollouts.signals.keys() == untouched.rollouts.signals.keys()
    for signal, values in untouched.rollouts.signals.items():
        assert torch.equal(given.rollouts.signals[signal], values), signal


def test_only_signals_asked_for_are_read(example: dict[str, Any], contract: Any) -> None:
    strategy = build(example["spec"])
    assert all(name in SIGNALS or name.startswith(EMBEDDINGS) for name in strategy.needs())
    bare = []
    for step in contract.steps():
        signals = {name: step.rollouts.signals[name] for name in strategy.needs()}
        bare.append(step._replace(rollouts=replace(step.rollouts, signals=signals)))
    assert contract.run(strategy, bare).seen() == contract.run(strategy, contract.steps()).seen()


def test_groups_do_not_touch_each_other_unless_the_source_says_so(example: dict[str, Any], contract: Any) -> None:
    if not example.get("groups_alone", True):
        return
    strategy, (_, rollouts, _) = build(example["spec"]), contract.steps()[0]
    others = replace(
        contract.steps()[0].rollouts,
        rewards=torch.cat([rollouts.rewards[:-4], 1 - rollouts.rewards[-4:]]),
        signals={name: torch.cat([values[:-4], values[-4:].flip(0)]) for name, values in rollouts.signals.items()},
        answers=[*rollouts.answers[:-4], "9", "9", None, "8"],
    )
    first, second = (strategy.shape(one, strategy.init())[0] for one in (rollouts, others))
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert torch.equal(first.advantages[:-4], second.advantages[:-4])


def test_at_zero_it_is_grpo(example: dict[str, Any], contract: Any) -> None:
    if "zero" not in example:
        return
    zero = contract.run(build(example["zero"]), contract.steps())
    assert {name: value for name, value in zero.settings.items() if value != SETTINGS[name].default} == {}
    for step, shaped, weighed in zip(contract.steps(), zero.shaped, zero.weighed, strict=True):
        assert shaped is None or torch.equal(shaped.advantages, step.rollouts.advantages)
        assert weighed is None or torch.equal(weighed.advantages, step.tokens.advantages)


def test_its_description_builds_the_same_strategy_with_the_same_label(example: dict[str, Any]) -> None:
    strategy = build(example["spec"])
    assert build(describe(strategy)) == strategy
    assert describe(build(describe(strategy))) == describe(strategy)
    assert label(build(describe(strategy))) == label(strategy) == example.get("label", label(strategy))


def test_its_controls_are_controls_and_can_be_built(example: dict[str, Any]) -> None:
    strategy = build(example["spec"])
    controls = strategy.controls()
    for control in controls:
        itself_by_chance = type(control) is type(strategy)
        assert itself_by_chance or control.family in ("controls", "prompt choice")
        assert build(describe(control)) == control
        assert all(one in controls for one in control.controls()), "a control's own controls are there already"


@dataclass(frozen=True, kw_only=True)
class Counter(Strategy):
    """Counts the calls of each hook in its state."""

    def init(self) -> State:
        return {"shape": 0, "pick_prompts": 0, "react": 0}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        return None, {**state, "shape": state["shape"] + 1}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[list[int] | None, State]:
        return None, {**state, "pick_prompts": state["pick_prompts"] + 1}

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        return [], {**state, "react": state["react"] + 1}


COUNTED = {"shape": STEPS, "pick_prompts": STEPS, "react": STEPS}


def test_a_combinator_keeps_the_state_of_every_hook_of_its_parts(contract: Any) -> None:
    hybrid = contract.run(Hybrid(primary=Counter(), hedge=Counter()), contract.steps()).states[-1]
    assert hybrid == {"primary": COUNTED, "hedge": COUNTED}
    triggers: tuple[Trigger, ...] = get_args(Trigger)
    for trigger in triggers:
        resets = WithResets(strategy=Counter(), trigger=trigger, window_steps=2)
        assert contract.run(resets, contract.steps()).states[-1]["inner"] == COUNTED
