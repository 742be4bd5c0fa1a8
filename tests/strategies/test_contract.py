"""What holds for every strategy: one table of examples, and the same tests for all of them."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import pytest
import torch

from strategies import (
    Event,
    Progress,
    PromptPool,
    Rollouts,
    RunSettings,
    Shaped,
    State,
    Strategy,
    build,
    describe,
    known_strategies,
    label,
)
from strategies.contract import SignalName
from strategies.hybrid import Hybrid
from strategies.registry import STRATEGIES
from strategies.resets import WithResets
from strategies.settings import SETTINGS

RolloutFactory = Callable[..., Rollouts]

G2RL = {"g2rl": {"strength": 0.3, "form": "centred", "uniform_group": "zero"}}
BONUS = {"entropy_bonus": {"coefficient": 0.01}}
PLATEAU = {"strategy": G2RL, "window_steps": 2, "patience_steps": 2}
RUN = RunSettings(kl=0.01, group_size=4)
BATCHES = 6


class Example(NamedTuple):
    """A spec, and the same with one knob turned."""

    spec: Any
    turned: Any
    label: str


EXAMPLES: dict[str, Example] = {
    "entropy_bonus": Example("entropy_bonus", BONUS, "entropy_bonus"),
    "g2rl": Example("g2rl", {"g2rl": {"strength": 1.0}}, "g2rl"),
    "g2rl prose": Example({"g2rl": {"form": "prose"}}, {"g2rl": {"form": "literal"}}, "g2rl(form=prose)"),
    "g2rl centred": Example(
        G2RL,
        {"g2rl": {"strength": 0.3, "form": "centred", "uniform_group": "shape"}},
        "g2rl(form=centred, uniform_group=zero)",
    ),
    "g2rl clipped": Example(
        {"g2rl": {"strength": 5, "clip": 1}}, {"g2rl": {"strength": 5, "clip": 2}}, "g2rl(strength=5.0, clip=1.0)"
    ),
    "hybrid": Example(
        {"hybrid": {"primary": "g2rl", "hedge": BONUS, "share": 0.25}},
        {"hybrid": {"primary": "g2rl", "hedge": BONUS, "share": 0.5}},
        "hybrid(g2rl, entropy_bonus(coefficient=0.01), share=0.25)",
    ),
    "with_resets every": Example(
        {"with_resets": {"strategy": "grpo", "trigger": "every", "every_steps": 2}},
        {"with_resets": {"strategy": "grpo", "trigger": "every", "every_steps": 3}},
        "with_resets(grpo, trigger=every, every_steps=2)",
    ),
    "with_resets plateau": Example(
        {"with_resets": {**PLATEAU, "action": "optimizer"}},
        {"with_resets": {**PLATEAU, "action": "reference"}},
        "with_resets(g2rl(form=centred, uniform_group=zero), action=optimizer, window_steps=2, patience_steps=2)",
    ),
    "grpo": Example("grpo", None, "grpo"),
}
"""Every strategy of the registry; grpo has no knob to turn."""

over_examples = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())


class Outputs(NamedTuple):
    """What a strategy did in some steps of a run."""

    settings: dict[str, Any]
    shaped: list[Shaped | None]
    picked: list[Any]
    events: list[list[Event]]
    states: list[State]

    @property
    def advantages(self) -> list[list[Any] | None]:
        return [None if one is None else one.advantages.tolist() for one in self.shaped]

    def seen(self) -> tuple[Any, ...]:
        """Return all that reaches the trainer and its log, ready to compare."""
        diagnostics = [None if one is None else dict(one.diagnostics) for one in self.shaped]
        return self.settings, self.advantages, diagnostics, self.picked, self.events


def run(strategy: Strategy, batches: list[Rollouts], state: State | None = None, start: int = 0) -> Outputs:
    """Take `strategy` through one step a batch, as the trainer does; the reward stands still, so a plateau fires."""
    state = strategy.init() if state is None else state
    outputs = Outputs(strategy.trainer_settings(), [], [], [], [])
    for step, batch in enumerate(batches, start=start + 1):
        pool = PromptPool(due=[1, 2, 3], size=9, mean_rewards={1: [0.5]}, generator=torch.Generator().manual_seed(step))
        picked, state = strategy.pick_prompts(pool, state)
        shaped, state = strategy.shape(batch, state)
        events, state = strategy.react(Progress(step=step, share=step / 10, reward=0.5, entropy=1.0), state)
        outputs.shaped.append(shaped)
        outputs.picked.append(picked)
        outputs.events.append(events)
        outputs.states.append(copy.deepcopy(state))
    return outputs


@pytest.fixture
def batches(make_rollouts: RolloutFactory) -> Callable[[], list[Rollouts]]:
    """Return a function that makes the same batches, with their generators, anew."""
    return lambda: [make_rollouts(seed=seed) for seed in range(BATCHES)]


Batches = Callable[[], list[Rollouts]]


def test_every_strategy_has_an_example_and_every_example_a_strategy() -> None:
    assert {next(iter(describe(build(example.spec)))) for example in EXAMPLES.values()} == STRATEGIES.keys()


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_a_strategy_says_what_it_is(name: str) -> None:
    kind = known_strategies()[name]
    assert kind.family
    assert 0 < len(kind.summary) <= 80
    assert kind.__doc__


@over_examples
def test_padding_changes_nothing(example: Example, batches: Batches) -> None:
    strategy = build(example.spec)
    assert run(strategy, [with_garbage(batch) for batch in batches()]).seen() == run(strategy, batches()).seen()


def with_garbage(rollouts: Rollouts) -> Rollouts:
    """Return the same rollouts with other tokens, and per-token signals that are not even numbers, in the padding."""
    mask, nan = rollouts.mask, torch.tensor(float("nan"))
    signals = dict(rollouts.signals)
    for name in ("logp", "entropy"):
        signals[name] = torch.where(mask, signals[name], nan)
    signals["hidden"] = torch.where(mask.unsqueeze(-1), signals["hidden"], nan)
    return replace(rollouts, completion_ids=torch.where(mask, rollouts.completion_ids, 7), signals=signals)


@over_examples
def test_a_strategy_depends_on_its_own_generators_only(example: Example, batches: Batches) -> None:
    strategy = build(example.spec)
    seen = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        seen.append(run(strategy, batches()).seen())
        drawn = torch.rand(1)
        torch.manual_seed(global_seed)
        assert torch.equal(drawn, torch.rand(1)), "the global generator was drawn from"
    assert seen[0] == seen[1]


@over_examples
def test_a_saved_state_goes_on_as_if_it_had_never_stopped(example: Example, batches: Batches) -> None:
    strategy = build(example.spec)
    whole = run(strategy, batches())
    first = run(strategy, batches()[:3])
    stream = io.BytesIO()
    torch.save(first.states[-1], stream)
    stream.seek(0)
    second = run(build(example.spec), batches()[3:], torch.load(stream, weights_only=True), start=3)
    assert first.advantages + second.advantages == whole.advantages
    assert first.picked + second.picked == whole.picked
    assert first.events + second.events == whole.events
    assert second.states[-1] == whole.states[-1]


@over_examples
def test_turning_the_knob_changes_what_reaches_the_trainer(example: Example, batches: Batches) -> None:
    if example.turned is None:
        nothing: list[Any] = [None, None, None, []]
        assert run(build(example.spec), batches()).seen() == ({}, *([one] * BATCHES for one in nothing))
        return
    before, after = run(build(example.spec), batches()), run(build(example.turned), batches())
    changed = [a != b for a, b in zip(before.seen(), after.seen(), strict=True)]
    assert changed[0] or changed[1] or changed[4]


@over_examples
def test_nothing_given_is_changed(example: Example, batches: Batches) -> None:
    strategy = build(example.spec)
    strategy.shape(batches()[0], strategy.init())
    state = run(strategy, batches()[:2]).states[-1]
    kept_state, given, untouched = copy.deepcopy(state), batches()[0], batches()[0]
    strategy.shape(given, state)
    strategy.react(Progress(step=2, share=0.5, reward=0.5, entropy=1.0), state)
    assert state == kept_state
    assert given.signals.keys() == untouched.signals.keys()
    for name in ("rewards", "advantages", "completion_ids", "mask"):
        assert torch.equal(getattr(given, name), getattr(untouched, name)), name
    for signal, values in untouched.signals.items():
        assert torch.equal(given.signals[signal], values), signal


@over_examples
def test_only_signals_asked_for_are_read(example: Example, batches: Batches) -> None:
    strategy = build(example.spec)
    assert strategy.needs() <= set(SignalName.__args__)  # type: ignore[attr-defined]  # a Literal has its values there
    bare = [replace(b, signals={name: b.signals[name] for name in strategy.needs()}) for b in batches()]
    assert run(strategy, bare).seen() == run(strategy, batches()).seen()


@over_examples
def test_advantages_are_finite_and_one_per_rollout_or_token(example: Example, batches: Batches) -> None:
    for one, batch in zip(run(build(example.spec), batches()).shaped, batches(), strict=True):
        if one is not None:
            assert one.advantages.shape in (batch.rewards.shape, batch.completion_ids.shape)
            assert torch.isfinite(one.advantages).all()
            assert not one.advantages.requires_grad


@over_examples
def test_only_allowed_settings_are_overridden(example: Example) -> None:
    assert build(example.spec).trainer_settings().keys() <= SETTINGS.keys()


@over_examples
def test_it_composes_with_a_hedge(example: Example, batches: Batches) -> None:
    alone, share = run(build(example.spec), batches()), 0.25
    mixed = run(build({"hybrid": {"primary": example.spec, "hedge": "grpo", "share": share}}), batches())
    assert mixed.events == alone.events
    for one, other, batch in zip(alone.shaped, mixed.shaped, batches(), strict=True):
        if one is None:
            assert other is None
        else:
            assert other is not None
            torch.testing.assert_close(other.advantages, (1 - share) * one.advantages + share * batch.advantages)


@over_examples
def test_it_composes_with_resets(example: Example, batches: Batches) -> None:
    alone = run(build(example.spec), batches())
    outer = {"strategy": example.spec, "trigger": "every", "every_steps": 2, "action": "optimizer"}
    reset = run(build({"with_resets": outer}), batches())
    assert (reset.settings, reset.advantages, reset.picked) == (alone.settings, alone.advantages, alone.picked)
    extra = [Event(kind="optimizer", cause="every 2 steps")]
    assert reset.events == [one + (extra if step % 2 == 0 else []) for step, one in enumerate(alone.events, start=1)]


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


COUNTED = {"shape": BATCHES, "pick_prompts": BATCHES, "react": BATCHES}


def test_a_combinator_keeps_the_state_of_every_hook_of_its_parts(batches: Batches) -> None:
    hybrid = run(Hybrid(primary=Counter(), hedge=Counter()), batches()).states[-1]
    assert hybrid == {"primary": COUNTED, "hedge": {**COUNTED, "pick_prompts": 0}}  # the primary alone picks
    triggers: tuple[Literal["every", "plateau"], ...] = ("every", "plateau")
    for trigger in triggers:
        resets = WithResets(strategy=Counter(), trigger=trigger, window_steps=1, patience_steps=1)
        assert run(resets, batches()).states[-1]["inner"] == COUNTED


@over_examples
def test_its_description_builds_the_same_strategy(example: Example) -> None:
    strategy = build(example.spec)
    strategy.check(RUN)
    assert build(describe(strategy)) == strategy
    assert describe(build(describe(strategy))) == describe(strategy)


@over_examples
def test_its_label_is_stable(example: Example) -> None:
    assert label(build(example.spec)) == label(build(describe(build(example.spec)))) == example.label
