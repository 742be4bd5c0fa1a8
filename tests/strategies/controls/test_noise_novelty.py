"""The shuffled control: what it keeps, what it destroys, and that every order is as likely."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Generator, Tensor

from strategies import Event, Progress, PromptPool, Rollouts, RunSettings, Shaped, State, Strategy, TokenBatch, build
from strategies.contract import SettingValue
from strategies.controls.noise_novelty import NoiseNovelty, classes, permuted
from strategies.signals import SignalName

RolloutFactory = Callable[..., Rollouts]

REWARDS = (1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""Two groups of four: right right right wrong, wrong wrong right wrong."""


def no_probe(*problems: Any, **where: Any) -> Rollouts:
    raise AssertionError("nothing is probed here")


def seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True, kw_only=True)
class RewardBonus(Strategy):
    """A bonus on rewards that grows with the row's number; `order` shuffles it first."""

    order: tuple[int, ...] = ()

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped, State]:
        bonus = 0.01 * torch.arange(len(rollouts.rewards), dtype=torch.float32).square()
        bonus = bonus[list(self.order)] if self.order else bonus
        advantages = rollouts.normalise(rollouts.rewards + bonus)
        return Shaped(advantages=advantages, diagnostics={"bonus": bonus.mean().item()}), state


@dataclass(frozen=True, kw_only=True)
class TokenBonus(Strategy):
    """A bonus on each token that tells its place; garbage in the padding."""

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped, State]:
        places = torch.arange(rollouts.mask.numel(), dtype=torch.float32).view(rollouts.mask.shape)
        advantages = rollouts.advantages.unsqueeze(1) + 0.001 * places
        return Shaped(advantages=torch.where(rollouts.mask, advantages, torch.nan)), state

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped:
        departure = tokens.logp.abs()
        return Shaped(
            advantages=torch.where(tokens.mask, tokens.advantages + departure, torch.nan), diagnostics={"n": 2.0}
        )


def shaped_by(strategy: Strategy, rollouts: Rollouts) -> Shaped:
    shaped, _ = strategy.shape(rollouts, strategy.init())
    assert shaped is not None
    return shaped


def test_a_bonus_moves_only_among_rollouts_of_one_group_and_reward(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=4)
    inner = shaped_by(RewardBonus(), rollouts).advantages
    seen = set()
    for seed in range(40):
        shuffled = shaped_by(NoiseNovelty(of=RewardBonus()), replace(rollouts, generator=seeded(seed))).advantages
        for members in ([0, 1, 2], [3], [4, 5, 7], [6]):
            assert sorted(shuffled[members].tolist()) == sorted(inner[members].tolist())
        seen.add(tuple(shuffled.tolist()))
    assert len(seen) > 15  # 3! · 3! = 36 orders


def test_it_equals_shuffling_the_bonus_before_it_is_standardised(make_rollouts: RolloutFactory) -> None:
    for scale in ("group", "batch", "none"):
        rollouts = make_rollouts(rewards=REWARDS, group_size=4, scale=scale)
        rollouts = replace(rollouts, generator=seeded(5))
        shuffled = shaped_by(NoiseNovelty(of=RewardBonus()), rollouts).advantages
        inner = shaped_by(RewardBonus(), rollouts).advantages
        # The bonuses are all different, so the order that was drawn can be read off the advantages.
        order = tuple(int((inner == value).nonzero()[0, 0]) for value in shuffled)
        assert order != tuple(range(8))
        by_bonus = shaped_by(RewardBonus(order=order), rollouts).advantages
        torch.testing.assert_close(shuffled, by_bonus, rtol=0, atol=1e-6)


def test_a_group_whose_rewards_are_all_different_is_left_alone(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(0.0, 0.1, 0.2, 0.3), group_size=4)
    shaped = shaped_by(NoiseNovelty(of=RewardBonus()), rollouts)
    assert torch.equal(shaped.advantages, shaped_by(RewardBonus(), rollouts).advantages)
    assert shaped.diagnostics["moved"] == 0


def test_token_bonuses_move_among_the_valid_tokens_of_their_class(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=4)
    inner = shaped_by(TokenBonus(), rollouts).advantages
    shuffled = shaped_by(NoiseNovelty(of=TokenBonus()), rollouts).advantages
    assert torch.isfinite(shuffled[rollouts.mask]).all()
    assert not torch.equal(shuffled[rollouts.mask], inner[rollouts.mask])
    for members in ([0, 1, 2], [3], [4, 5, 7], [6]):
        valid = rollouts.mask[members]
        assert sorted(shuffled[members][valid].tolist()) == sorted(inner[members][valid].tolist())
    crossed = [row for row in (0, 1, 2) if not set(shuffled[row].tolist()) <= set(inner[row].tolist())]
    assert crossed  # tokens move between the rollouts of a class, not only within one


def test_padding_does_not_matter(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=4)
    one, other = (
        shaped_by(NoiseNovelty(of=TokenBonus()), replace(rollouts, generator=seeded(3), completion_ids=ids))
        for ids in (rollouts.completion_ids, torch.where(rollouts.mask, rollouts.completion_ids, 7))
    )
    assert torch.equal(one.advantages[rollouts.mask], other.advantages[rollouts.mask])


def test_every_order_within_a_class_is_as_likely() -> None:
    labels = torch.tensor([4, 9, 4, 9, 4])
    source, draws = seeded(0), 6000
    counts = Counter(tuple(permuted(torch.arange(5), labels, source).tolist()) for _ in range(draws))
    assert len(counts) == 12  # 3! · 2!
    # Chi-squared with 11 degrees of freedom passes 31.3 once in a thousand.
    expected = draws / 12
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 31.3


def test_it_draws_from_its_generator_only() -> None:
    values, labels = torch.arange(50), torch.zeros(50)
    torch.manual_seed(1)
    first = permuted(values, labels, seeded(2))
    torch.manual_seed(99)
    assert torch.equal(first, permuted(values, labels, seeded(2)))
    assert not torch.equal(first, permuted(values, labels, seeded(3)))
    with pytest.raises(ValueError, match="generator, got None"):
        permuted(values, labels, None)


def token_batch(advantages: Tensor, seed: int = 0) -> TokenBatch:
    source = seeded(seed)
    mask = torch.ones(advantages.shape, dtype=torch.bool)
    mask[0, 3:] = False
    logp = -torch.rand(advantages.shape, generator=source) - 0.1
    return TokenBatch(
        logp=torch.where(mask, logp, torch.nan),
        old_logp=logp,
        entropy=logp.abs(),
        advantages=torch.where(mask, advantages, torch.nan),
        mask=mask,
        step=0,
        generator=seeded(seed + 1),
    )


def departures(strategy: Strategy, tokens: TokenBatch) -> Tensor:
    weighed = strategy.weigh(tokens, strategy.init())
    assert weighed is not None
    return weighed.advantages - tokens.advantages


def test_weights_move_among_tokens_with_the_same_advantage() -> None:
    tokens = token_batch(torch.tensor([1.5, -0.5, 1.5, 0.5]).unsqueeze(1).repeat(1, 6))
    inner, shuffled = departures(TokenBonus(), tokens), departures(NoiseNovelty(of=TokenBonus()), tokens)
    for rows in ([0, 2], [1], [3]):
        valid = tokens.mask[rows]
        before, after = (sorted(found[rows][valid].tolist()) for found in (inner, shuffled))
        assert after == pytest.approx(before, abs=1e-6)
    assert not torch.allclose(shuffled[tokens.mask], inner[tokens.mask], atol=1e-3)


def test_weights_move_among_tokens_of_one_sign_if_advantages_differ_within_a_rollout() -> None:
    advantages = torch.tensor([[1.0, 2.0, 3.0, 0.0], [-1.0, -2.0, 4.0, 5.0], [0.0, 0.0, 6.0, -7.0]])
    tokens = token_batch(advantages)
    inner, shuffled = departures(TokenBonus(), tokens), departures(NoiseNovelty(of=TokenBonus()), tokens)
    for sign in (-1, 0, 1):
        members = (advantages.sign() == sign) & tokens.mask
        assert sorted(shuffled[members].tolist()) == pytest.approx(sorted(inner[members].tolist()), abs=1e-6)
    assert not torch.allclose(shuffled[tokens.mask], inner[tokens.mask], atol=1e-3)


@dataclass(frozen=True, kw_only=True)
class Everything(Strategy):
    """Uses every hook."""

    family: ClassVar[str] = "test"

    def needs(self) -> frozenset[SignalName]:
        return frozenset({"entropy"})

    def trainer_settings(self) -> dict[str, SettingValue]:
        return {"temperature": 1.2}

    def check(self, run: RunSettings) -> None:
        raise ValueError("inner refuses")

    def init(self) -> State:
        return {"n": 7}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[list[int], State]:
        return [3], {"n": state["n"] + 1}

    def rounds(self) -> int:
        return 4

    def keep(self, rewards: Tensor) -> Tensor:
        return rewards.mean(dim=1) > 0.5

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        return None, state

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        return [Event(kind="optimizer", cause="x")], {"n": -1}


def test_everything_else_is_the_inner_strategys() -> None:
    noise, inner = NoiseNovelty(of=Everything()), Everything()
    pool = PromptPool(
        due=[1], size=9, mean_rewards={}, more=lambda n: [], probe=no_probe, step=0,
        generator=seeded(0),
    )  # fmt: skip
    progress = Progress(step=1, share=0.1, reward=0.5, entropy=1.0, generator=seeded(0))
    rewards = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    assert noise.needs() == {"entropy"}
    assert noise.trainer_settings() == {"temperature": 1.2}
    assert noise.init() == {"inner": {"n": 7}}
    assert noise.pick_prompts(pool, noise.init()) == ([3], {"inner": {"n": 8}})
    assert noise.rounds() == 4
    assert noise.keep(rewards).tolist() == [False, True]
    assert noise.exhausted() == inner.exhausted()
    assert noise.react(progress, noise.init()) == (inner.react(progress, {})[0], {"inner": {"n": -1}})
    assert noise.controls() == ()
    with pytest.raises(ValueError, match="inner refuses"):
        noise.check(RunSettings())


def test_diagnostics_are_the_inner_ones_under_of(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=4)
    found = shaped_by(NoiseNovelty(of=RewardBonus()), rollouts).diagnostics
    assert set(found) == {"of/bonus", "moved"}
    assert math.isclose(found["of/bonus"], 0.01 * 140 / 8, rel_tol=1e-6)  # 0² + … + 7² = 140
    assert 0 < found["moved"] <= 0.75  # two of the eight are alone in their class


def test_what_shapes_nothing_is_left_alone(make_rollouts: RolloutFactory) -> None:
    noise = NoiseNovelty(of=Everything())
    assert noise.shape(make_rollouts(), noise.init()) == (None, noise.init())
    assert noise.weigh(token_batch(torch.ones(2, 4)), noise.init()) is None


def test_a_strategy_that_changes_no_advantage_has_nothing_to_shuffle() -> None:
    with pytest.raises(ValueError, match="Temperature, which changes no advantage"):
        build({"noise_novelty": {"of": "temperature"}})


def test_a_control_has_nothing_to_shuffle() -> None:
    with pytest.raises(ValueError, match="got the control GRPO"):
        build({"noise_novelty": {"of": "grpo"}})
    with pytest.raises(ValueError, match="got the control NoiseNovelty"):
        NoiseNovelty(of=NoiseNovelty(of=RewardBonus()))


def test_what_goes_on_from_a_prefix_is_not_mixed_with_what_does_not(make_rollouts: RolloutFactory) -> None:
    # Their advantages are standardised apart, so rollouts of both parts differ though their rewards are the same.
    rollouts = make_rollouts(rewards=(1, 1, 1, 1, 0, 1, 0, 1), group_size=4)
    assert classes(rollouts).tolist() == [0, 0, 0, 0, 4, 5, 4, 5]
    assert classes(replace(rollouts, fresh=2)).tolist() == [0, 0, 2, 2, 4, 5, 6, 7]
