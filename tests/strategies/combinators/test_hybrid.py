"""Mixing two strategies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
import torch

from strategies import (
    Event,
    Progress,
    PromptPool,
    Rollouts,
    RunSettings,
    SettingValue,
    Shaped,
    State,
    Strategy,
    StrategyError,
    build,
    describe,
)
from strategies.combinators.hybrid import Hybrid
from strategies.controls.grpo import GRPO
from strategies.gradient.g2rl import G2RL

RolloutFactory = Callable[..., Rollouts]


@dataclass(frozen=True, kw_only=True)
class Constant(Strategy):
    """Gives every rollout, or every token, the same advantage, and counts its calls."""

    value: float = 1.0
    per_token: bool = False
    settings: dict[str, SettingValue] = field(default_factory=dict)

    def trainer_settings(self) -> dict[str, SettingValue]:
        return self.settings

    def init(self) -> State:
        return {"calls": 0}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped, State]:
        like = rollouts.mask if self.per_token else rollouts.rewards
        advantages = torch.full(like.shape, self.value)
        return Shaped(advantages=advantages, diagnostics={"value": self.value}), {"calls": state["calls"] + 1}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[Sequence[int], State]:
        return [int(self.value)] * len(pool.due), state

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        return [Event(kind="optimizer", cause=str(self.value))], state


def no_probe(*problems: Any, **where: Any) -> Rollouts:
    raise AssertionError("nothing is probed here")


def mixed_advantages(hybrid: Hybrid, rollouts: Rollouts) -> torch.Tensor:
    shaped, _ = hybrid.shape(rollouts, hybrid.init())
    assert shaped is not None
    return shaped.advantages


@pytest.mark.parametrize(("share", "expected"), [(0.0, 3.0), (0.2, 2.2), (0.5, 1.0), (1.0, -1.0)])
def test_advantages_are_mixed_by_share(share: float, expected: float, make_rollouts: RolloutFactory) -> None:
    hybrid = Hybrid(primary=Constant(value=3.0), hedge=Constant(value=-1.0), share=share)
    advantages = mixed_advantages(hybrid, make_rollouts())
    torch.testing.assert_close(advantages, torch.full_like(advantages, expected))


def test_a_part_that_shapes_nothing_stands_for_plain_grpo(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts()
    for hybrid, weight in (
        (Hybrid(primary=GRPO(), hedge=Constant(value=5.0), share=0.25), 0.25),
        (Hybrid(primary=Constant(value=5.0), hedge=GRPO(), share=0.25), 0.75),
    ):
        expected = weight * 5.0 + (1 - weight) * rollouts.advantages
        torch.testing.assert_close(mixed_advantages(hybrid, rollouts), expected)


def test_two_parts_that_shape_nothing_leave_grpo_untouched(make_rollouts: RolloutFactory) -> None:
    hybrid = Hybrid(primary=GRPO(), hedge=GRPO())
    assert hybrid.shape(make_rollouts(), hybrid.init())[0] is None
    assert hybrid.trainer_settings() == {}


@pytest.mark.parametrize("primary_per_token", [False, True])
def test_rollouts_beside_tokens(primary_per_token: bool, make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts()
    primary = Constant(value=1.0, per_token=primary_per_token)
    hybrid = Hybrid(primary=primary, hedge=Constant(value=2.0, per_token=not primary_per_token), share=0.5)
    advantages = mixed_advantages(hybrid, rollouts)
    assert advantages.shape == rollouts.completion_ids.shape
    torch.testing.assert_close(advantages, torch.full_like(advantages, 1.5))


def test_a_rollouts_advantage_holds_for_each_of_its_tokens(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts()
    hybrid = Hybrid(primary=GRPO(), hedge=Constant(value=0.0, per_token=True), share=0.5)
    advantages = mixed_advantages(hybrid, rollouts)
    for token in range(rollouts.completion_ids.shape[1]):
        torch.testing.assert_close(advantages[:, token], rollouts.advantages / 2)


def test_both_parts_keep_their_states_and_diagnostics(make_rollouts: RolloutFactory) -> None:
    hybrid = Hybrid(primary=Constant(value=3.0), hedge=Constant(value=4.0))
    shaped, state = hybrid.shape(make_rollouts(), hybrid.init())
    _, state = hybrid.shape(make_rollouts(), state)
    assert state == {"primary": {"calls": 2}, "hedge": {"calls": 2}}
    assert shaped is not None
    assert shaped.diagnostics == {"primary/value": 3.0, "hedge/value": 4.0, "share": 0.2}


def a_pool() -> PromptPool:
    """Return a pool of which only the generator is used."""
    return PromptPool(
        due=[0, 1],
        size=9,
        mean_rewards={},
        more=lambda count: [0] * count,
        probe=no_probe,
        step=0,
        generator=torch.Generator(),
    )


def test_the_primary_picks_and_both_react() -> None:
    hybrid = Hybrid(primary=Constant(value=3.0), hedge=Constant(value=4.0))
    pool = a_pool()
    assert hybrid.pick_prompts(pool, hybrid.init())[0] == [3, 3]
    events, _ = hybrid.react(
        Progress(step=1, share=0.1, reward=0.0, entropy=1.0, generator=torch.Generator()), hybrid.init()
    )
    assert [event.cause for event in events] == ["3.0", "4.0"]


def test_signals_of_both_parts_are_asked_for() -> None:
    assert Hybrid(primary=GRPO(), hedge=build("g2rl")).needs() == {"gradient_features"}


@pytest.mark.parametrize(
    ("share", "settings"), [(0.0, {}), (0.2, {"entropy_coef": pytest.approx(0.002)}), (1.0, {"entropy_coef": 0.01})]
)
def test_settings_depart_from_the_default_by_share(share: float, settings: dict[str, float]) -> None:
    bonus = build({"entropy_bonus": {"coefficient": 0.01}})
    assert Hybrid(primary=GRPO(), hedge=bonus, share=share).trainer_settings() == settings


def test_settings_of_two_parts_are_mixed_from_the_default() -> None:
    primary = Constant(settings={"epsilon_high": 0.4, "entropy_target": 0.4})
    hedge = Constant(settings={"epsilon": 0.28, "entropy_target": 0.4, "loss_type": "dapo"})
    mixed = Hybrid(primary=primary, hedge=hedge, share=0.25).trainer_settings()
    assert mixed == {
        "epsilon": pytest.approx(0.2 + 0.25 * 0.08),
        "epsilon_high": pytest.approx(0.2 + 0.75 * 0.2),
        "entropy_target": 0.4,
        "loss_type": "dapo",
    }


def test_one_setting_with_two_values_is_refused_and_both_parts_are_named() -> None:
    entropy, constant = build({"entropy_bonus": {"coefficient": 0.01}}), Constant(settings={"entropy_coef": 0.02})
    expected = "the primary EntropyBonus sets entropy_coef to 0.01 and the hedge Constant sets it to 0.02"
    with pytest.raises(ValueError, match=expected):
        Hybrid(primary=entropy, hedge=constant, share=0.2)


def test_the_sampling_temperature_is_not_mixed() -> None:
    """The plan has its own, which a strategy doesn't know: in between what and what?"""
    with pytest.raises(ValueError, match=r"Constant sets temperature to 1\.2, which can't be mixed with 1\.0"):
        Hybrid(primary=Constant(settings={"temperature": 1.2}), hedge=GRPO(), share=0.5)


def test_at_the_ends_settings_are_those_of_one_part() -> None:
    parts: dict[str, Any] = {
        "primary": Constant(settings={"epsilon_high": 0.28, "scale_rewards": "batch"}),
        "hedge": Constant(settings={"epsilon_high": 0.31}),
    }
    assert Hybrid(**parts, share=0.0).trainer_settings() == {"epsilon_high": 0.28, "scale_rewards": "batch"}
    assert Hybrid(**parts, share=1.0).trainer_settings() == {"epsilon_high": 0.31}


def test_settings_with_nothing_in_between_are_refused() -> None:
    primary = Constant(settings={"scale_rewards": "batch"})
    expected = "Constant sets scale_rewards to 'batch', which can't be mixed with 'group': there is nothing in between"
    with pytest.raises(ValueError, match=expected):
        Hybrid(primary=primary, hedge=GRPO(), share=0.2)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(StrategyError, match=rf"hybrid: share must be at least 0 and at most 1, got {share}"):
        build({"hybrid": {"primary": "grpo", "hedge": "g2rl", "share": share}})


IDLE_RESETS = {"with_resets": {"strategy": "grpo", "action": "reference"}}


@pytest.mark.parametrize(("primary", "hedge"), [(IDLE_RESETS, "grpo"), ("grpo", IDLE_RESETS)])
def test_both_parts_check_the_run(primary: object, hedge: object) -> None:
    hybrid = Hybrid(primary=build(primary), hedge=build(hedge))
    with pytest.raises(ValueError, match="would do nothing"):
        hybrid.check(RunSettings(kl=0.0, group_size=4))


@dataclass(frozen=True, kw_only=True)
class Chooser(Strategy):
    """Keeps groups whose mean reward is at least `least`, in at most `patience` rounds, and picks prompt 7."""

    least: float
    patience: int

    def rounds(self) -> int:
        return self.patience

    def keep(self, rewards: torch.Tensor) -> torch.Tensor:
        return rewards.mean(dim=1) >= self.least

    def exhausted(self) -> Literal["fill", "error"]:
        return "error"

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[list[int] | None, State]:
        return [7, 7], state


def test_a_group_is_kept_if_both_keep_it() -> None:
    rewards = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    strict, mild = Chooser(least=0.9, patience=3), Chooser(least=0.2, patience=5)
    both = Hybrid(primary=mild, hedge=strict)
    assert (both.keep(rewards).tolist(), both.rounds(), both.exhausted()) == ([False, False, True], 5, "error")
    alone = Hybrid(primary=mild, hedge=strict, share=0.0)
    assert (alone.keep(rewards).tolist(), alone.rounds()) == ([False, True, True], 5)


def test_the_hedge_picks_where_the_primary_does_not() -> None:
    chooser = Chooser(least=0.0, patience=1)
    assert Hybrid(primary=GRPO(), hedge=chooser).pick_prompts(a_pool(), {"primary": {}, "hedge": {}})[0] == [7, 7]
    unheard = Hybrid(primary=GRPO(), hedge=chooser, share=0.0)
    assert unheard.pick_prompts(a_pool(), unheard.init())[0] is None


def test_a_part_without_a_share_is_not_asked(make_rollouts: RolloutFactory) -> None:
    alone = Hybrid(primary=GRPO(), hedge=build("g2rl"), share=0.0)
    assert alone.needs() == frozenset()
    assert alone.controls() == ()
    alone = Hybrid(primary=GRPO(), hedge=build(IDLE_RESETS), share=0.0)
    alone.check(RunSettings(kl=0.0, group_size=4))
    counted = Hybrid(primary=Constant(), hedge=Constant(), share=1.0)
    assert counted.shape(make_rollouts(), counted.init())[1] == {"primary": {"calls": 0}, "hedge": {"calls": 1}}


def test_the_control_of_a_hybrid_is_the_whole_of_it_shuffled() -> None:
    hybrid = Hybrid(primary=build("g2rl"), hedge=build("entropy_bonus"))
    ((spec),) = [describe(control) for control in hybrid.controls()]
    assert spec == {"noise_novelty": {"of": describe(hybrid), "unit": "advantage"}}


def test_bounds_that_are_out_of_the_way_mix_with_none() -> None:
    with pytest.raises(ValueError, match=r"KLCov sets epsilon to 1000000000\.0, which can't be mixed"):
        Hybrid(primary=GRPO(), hedge=build("kl_cov"), share=0.01)


def test_the_untrained_model_is_no_part() -> None:
    with pytest.raises(StrategyError, match="base is not trained, so it can't be a part"):
        build({"hybrid": {"primary": "grpo", "hedge": "base"}})


def test_cosines_of_both_parts_are_told_apart(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts()
    one = G2RL().shape(rollouts, {})[0]
    assert one is not None
    (name,) = one.cosines
    for hedge, names in ((GRPO(), [name]), (G2RL(strength=0.5), [f"primary/{name}", f"hedge/{name}"])):
        hybrid = Hybrid(primary=G2RL(), hedge=hedge)
        shaped, _ = hybrid.shape(rollouts, hybrid.init())
        assert shaped is not None
        assert list(shaped.cosines) == names
        assert all(torch.equal(found, one.cosines[name]) for found in shaped.cosines.values())
