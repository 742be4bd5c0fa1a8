"""A bonus scaled by evidence: exact at both ends, audited on time, paid for, and said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

import strategies.combinators.recalibrated as recalibrated_module
from strategies import Progress, PromptPool, Rollouts, RunSettings, Shaped, State, Strategy, TokenBatch, build
from strategies.combinators.recalibrated import Recalibrated
from strategies.controls.noise_novelty import NoiseNovelty
from strategies.gradient.agreement import Agreement
from strategies.gradient.g2rl import G2RL
from strategies.sampling.temperature import Temperature
from strategies.signals import projected_gradient

RolloutFactory = Callable[..., Rollouts]
SUITE = "countdown-validation"
NEVER = 10**9
TRUTH = projected_gradient(1024)


@dataclass(frozen=True, kw_only=True)
class Adds(Strategy):
    """Adds to the first rollout of a batch what it is told by the step's number."""

    bonuses: tuple[float, ...] = (1.0,)

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        added = torch.zeros_like(rollouts.advantages)
        added[0] = self.bonuses[rollouts.step % len(self.bonuses)]
        return Shaped(advantages=rollouts.advantages + added), state


@dataclass
class Run:
    """Steps of a run made by hand, and what its audits looked at."""

    make: RolloutFactory
    signal: Literal["truth", "noise"] = "truth"
    accuracies: Sequence[float] = (0.5,)
    """Of the validation problems, at each audit."""
    probes: list[tuple[str | None, str, int, int, frozenset[str]]] = field(default_factory=list)

    def probe(
        self,
        problems: Sequence[int],
        rollouts: int,
        signals: frozenset[str] = frozenset(),
        *,
        suite: str | None = None,
        part: str = "",
    ) -> Rollouts:
        """Return rollouts with true gradients of 12 numbers, and Φ the same or noise; or validation problems."""
        audits = sum(one[0] is not None for one in self.probes)
        self.probes.append((suite, part, len(problems), rollouts, signals))
        count = len(problems) * rollouts
        if suite is not None:
            right = round(self.accuracies[audits % len(self.accuracies)] * count)
            return self.make(rewards=[1.0] * right + [0.0] * (count - right), group_size=rollouts)
        source = torch.Generator().manual_seed(len(self.probes))
        truth, noise = torch.randn(2, count, 12, generator=source)
        looked = self.make(rewards=[0.0] * count, group_size=rollouts, seed=len(self.probes))
        made = {TRUTH: truth, "gradient_features": truth if self.signal == "truth" else noise}
        ids = torch.arange(count).unsqueeze(1).expand_as(looked.completion_ids)
        return replace(looked, signals=made, completion_ids=ids)

    def pool(self, step: int) -> PromptPool:
        """Return the pool before `step`."""
        return PromptPool(
            due=list(range(16)),
            size=64,
            mean_rewards={},
            more=lambda count: list(range(count)),
            probe=self.probe,
            step=step,
            generator=torch.Generator().manual_seed(step),
        )

    def steps(
        self, strategy: Recalibrated, rewards: Sequence[Sequence[float]], state: State | None = None, start: int = 0
    ) -> tuple[list[Shaped | None], list[str], State]:
        """Return what was made of batches with `rewards`, what was said after each ("" for nothing), and the state."""
        state = strategy.init() if state is None else state
        shaped, said = list[Shaped | None](), list[str]()
        for step, given in enumerate(rewards, start=start):
            _, state = strategy.pick_prompts(self.pool(step), state)
            one, state = strategy.shape(replace(self.make(rewards=given, seed=step), step=step), state)
            events, state = strategy.react(after(step), state)
            assert all(event.kind == "note" for event in events)
            shaped.append(one)
            said.append("; ".join(event.cause for event in events))
        return shaped, said, state


def after(step: int) -> Progress:
    return Progress(step=step + 1, share=0.0, reward=0.5, entropy=1.0, generator=torch.Generator())


REWARDS = [[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0]] * 6


def advantages(shaped: Shaped | None) -> Tensor:
    assert shaped is not None
    return shaped.advantages


@pytest.mark.parametrize("inner", ["g2rl", "rnd", "entropy_advantage", "kl_cov"])
def test_unscaled_it_is_the_inner_strategy_and_at_zero_grpo_to_the_last_bit(inner: str, contract: Any) -> None:
    alone = contract.run(build(inner), contract.steps())
    whole = contract.run(Recalibrated(strategy=build(inner), first_batch=NEVER), contract.steps())
    none = contract.run(Recalibrated(strategy=build(inner), first_batch=NEVER, start=0), contract.steps())
    for step, *hooks in zip(
        contract.steps(), *(run.shaped + run.weighed for run in (alone, whole, none)), strict=False
    ):
        theirs, ours, zero = hooks
        assert (theirs is None) == (ours is None) == (zero is None)
        if theirs is not None:
            assert torch.equal(ours.advantages, theirs.advantages)
            assert torch.equal(zero.advantages, step.rollouts.advantages)


def test_between_the_ends_it_departs_from_grpo_by_the_scale(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts()
    strategy = Recalibrated(strategy=G2RL(form="centred"), first_batch=NEVER, start=0.25)
    theirs, _ = strategy.strategy.shape(rollouts, {})
    ours, _ = strategy.shape(rollouts, strategy.init())
    plain = rollouts.advantages
    torch.testing.assert_close(advantages(ours) - plain, 0.25 * (advantages(theirs) - plain))
    assert ours is not None
    assert ours.diagnostics["scale"] == 0.25


def test_single_tokens_are_scaled_too(make_tokens: Callable[..., TokenBatch]) -> None:
    tokens, inner = make_tokens(), build({"entropy_advantage": {"alpha": 0.4}})
    strategy = Recalibrated(strategy=inner, first_batch=NEVER, start=0.5)
    theirs, ours = inner.weigh(tokens, inner.init()), strategy.weigh(tokens, strategy.init())
    torch.testing.assert_close(advantages(ours), (advantages(theirs) + tokens.advantages) / 2)
    assert not torch.equal(advantages(theirs), tokens.advantages)


def test_a_signal_that_is_the_true_gradient_keeps_its_bonus(make_rollouts: RolloutFactory) -> None:
    shaped, said, state = Run(make_rollouts).steps(Recalibrated(strategy=G2RL(), evidence="fidelity"), REWARDS[:1])
    assert state["scale"] == pytest.approx(1.0)
    assert said[0] == (
        "audit: sensitivity ranks true gradients with rho 1.00 (p 0.001, 224 pairs); bonus scaled by 1.00"
    )
    assert shaped[0] is not None
    assert shaped[0].diagnostics["fidelity"] == pytest.approx(1.0)


def test_a_signal_that_is_noise_loses_its_bonus(make_rollouts: RolloutFactory) -> None:
    run, strategy = Run(make_rollouts, signal="noise"), Recalibrated(strategy=G2RL(), evidence="fidelity")
    shaped, said, state = run.steps(strategy, REWARDS[:1])
    assert state["fidelity_p"] > 0.05
    assert state["scale"] == 0.0
    assert torch.equal(advantages(shaped[0]), make_rollouts(rewards=REWARDS[0], seed=0).advantages)
    assert said[0].endswith("; bonus scaled by 0.00")


def test_a_signal_that_ranks_the_wrong_way_round_never_turns_the_bonus_around(
    make_rollouts: RolloutFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    against = Agreement(rho=-0.5, p=1.0, groups=8, pairs=200)
    monkeypatch.setattr(recalibrated_module, "mantel", lambda *_, **__: against)
    strategy = Recalibrated(strategy=Adds(), evidence="fidelity", alpha=1.0)
    _, state = strategy.pick_prompts(Run(make_rollouts).pool(0), strategy.init())
    assert (state["fidelity"], state["scale"]) == (-0.5, 0.0)


def test_random_vectors_have_no_fidelity(make_rollouts: RolloutFactory) -> None:
    run, strategy = Run(make_rollouts), Recalibrated(strategy=G2RL(signal="random_vector"), evidence="fidelity")
    _, said, state = run.steps(strategy, REWARDS[:1])
    assert state["scale"] == 0.0
    assert abs(state["fidelity"]) < 0.2
    assert "random_vector ranks" in said[0]
    assert run.probes[0][4] == {TRUTH}, "noise needs no signal"


def test_what_is_audited_is_what_the_inner_strategy_uses_or_what_is_named() -> None:
    assert Recalibrated(strategy=G2RL(signal="mean_hidden")).audited.kind == "mean_hidden"
    assert Recalibrated(strategy=build("rnd")).audited.kind == "sensitivity"
    named = Recalibrated(strategy=G2RL(), signal="projected_gradient", dimension=64).audited
    assert named.needs() == {projected_gradient(64)}


def payoffs(make: RolloutFactory, sign: float, count: int = 14) -> tuple[list[str], State]:
    """Return what is said and kept where the mean reward of a batch moves with (against) the bonus of the last one."""
    bonuses = (1.0, 3.0, 2.0, 6.0, 4.0, 0.0, 5.0)
    levels = [0.5]
    for step in range(count - 1):
        levels.append(0.5 + sign * 0.05 * bonuses[step % len(bonuses)])
    rewards = [[1.0] * round(level * 40) + [0.0] * (40 - round(level * 40)) for level in levels]
    strategy = Recalibrated(
        strategy=Adds(bonuses=bonuses), evidence="payoff", suite="", every_batches=count - 1, first_batch=count - 1
    )
    _, said, state = Run(make).steps(strategy, rewards)
    return said, state


def test_a_bonus_that_pays_stays_and_one_that_costs_is_taken(make_rollouts: RolloutFactory) -> None:
    said, state = payoffs(make_rollouts, 1.0)
    assert (state["payoff"], state["scale"]) == (1.0, 1.0)
    assert "bonus against reward: r 0.9" in said[-1] or "bonus against reward: r 1.0" in said[-1]
    said, state = payoffs(make_rollouts, -1.0)
    assert (state["payoff"], state["scale"]) == (0.0, 0.0)
    assert "bonus against reward: r -" in said[-1]
    assert said[-1].endswith("bonus scaled by 0.00")


def test_few_observations_are_no_evidence(make_rollouts: RolloutFactory) -> None:
    said, state = payoffs(make_rollouts, -1.0, count=9)  # the audit comes before the batch: seven changes
    assert state["scale"] == 1.0
    assert "too little to tell (7 observations)" in said[-1]


def test_validation_gains_are_held_against_what_was_given_between_audits(make_rollouts: RolloutFactory) -> None:
    run = Run(make_rollouts, accuracies=(0.5, 0.25, 0.75))
    strategy = Recalibrated(strategy=Adds(bonuses=(8.0, 16.0, 0.0, 4.0)), evidence="payoff", every_batches=2)
    _, said, state = run.steps(strategy, REWARDS)
    # Batches of eight: a bonus of 8 for one of them moves the mean by 1. Two batches lie between audits.
    torch.testing.assert_close(state["gains"], [[3.0, 0.5, -0.25], [0.5, 0.25, 0.5]], rtol=0, atol=1e-6)
    assert state["given"] == pytest.approx(3.0)
    assert [bool(one) for one in said] == [True, False] * 3
    assert "bonus against validation: too little to tell (2 observations)" in said[4]


def test_a_window_forgets(make_rollouts: RolloutFactory) -> None:
    strategy = Recalibrated(strategy=Adds(), evidence="payoff", suite="", window=6, least_pairs=6)
    _, _, state = Run(make_rollouts).steps(strategy, [[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]] * 5)
    # Nine changes, of which the last six are kept; a bonus of 1 for one of four is a quarter each.
    assert state["steps"] == [[0.25, 0.5, -0.25], [0.25, 0.25, 0.25]] * 3


def test_audits_come_on_time_and_are_charged_to_their_part(make_rollouts: RolloutFactory) -> None:
    run = Run(make_rollouts)
    strategy = Recalibrated(strategy=G2RL(), every_batches=3, first_batch=1)
    _, said, _ = run.steps(strategy, REWARDS)
    assert [bool(one) for one in said] == [False, True, False, False, True, False]
    fidelity = (None, "recalibration", 8, 8, frozenset({"gradient_features", TRUTH}))
    validation = (SUITE, "recalibration", 32, 2, frozenset[str]())
    assert run.probes == [fidelity, validation] * 2


@pytest.mark.parametrize(("evidence", "suites"), [("fidelity", [None]), ("payoff", [SUITE])])
def test_only_the_evidence_that_counts_is_paid_for(
    evidence: Any, suites: list[str | None], make_rollouts: RolloutFactory
) -> None:
    run = Run(make_rollouts)
    run.steps(Recalibrated(strategy=G2RL(), evidence=evidence), REWARDS[:1])
    assert [suite for suite, *_ in run.probes] == suites


def test_a_strategy_without_a_bonus_is_not_audited(make_rollouts: RolloutFactory) -> None:
    run, strategy = Run(make_rollouts), Recalibrated(strategy=Temperature(temperature=0.8))
    shaped, said, _ = run.steps(strategy, REWARDS)
    assert run.probes == []
    assert set(said) == {""}
    assert shaped == [None] * len(REWARDS)
    assert strategy.controls() == ()
    strategy.check(RunSettings(suites=(SUITE,)))


def test_the_state_survives_between_audits(make_rollouts: RolloutFactory) -> None:
    strategy = Recalibrated(strategy=G2RL(), every_batches=2)
    whole, said, end = Run(make_rollouts).steps(strategy, REWARDS)
    run = Run(make_rollouts)
    first, said_first, state = run.steps(strategy, REWARDS[:3])
    second, said_second, resumed = run.steps(strategy, REWARDS[3:], state, start=3)
    assert resumed == end
    assert said_first + said_second == said
    for one, other in zip(first + second, whole, strict=True):
        assert torch.equal(advantages(one), advantages(other))


def test_its_control_is_the_whole_of_it_shuffled() -> None:
    strategy = Recalibrated(strategy=G2RL())
    assert strategy.controls() == (NoiseNovelty(of=strategy),)


def test_what_could_not_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="least_pairs 8 is more than window 6 holds"):
        Recalibrated(strategy=G2RL(), window=6)
    with pytest.raises(ValueError, match="suite countdown-validation is one that the plan reports"):
        Recalibrated(strategy=G2RL()).check(RunSettings(suites=(SUITE,)))
    Recalibrated(strategy=G2RL(), evidence="fidelity").check(RunSettings(suites=(SUITE,)))
    Recalibrated(strategy=G2RL(), suite="").check(RunSettings(suites=(SUITE,)))
