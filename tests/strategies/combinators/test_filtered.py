"""The filter: what is noise or of no impact keeps plain GRPO's advantages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from strategies import Rollouts, Shaped, State, Strategy, TokenBatch, build
from strategies.combinators.filtered import SIGNALS, Filtered, noise_floor, reliability, stepped_up

RolloutFactory = Callable[..., Rollouts]
TokenFactory = Callable[..., TokenBatch]


@dataclass(frozen=True, kw_only=True)
class OneMore(Strategy):
    """Adds one to every advantage, of rollouts or of tokens."""

    tokens: bool = False

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        plain = rollouts.advantages.unsqueeze(1).repeat(1, 5) if self.tokens else rollouts.advantages
        return Shaped(advantages=plain + 1, diagnostics={"inner": 1.0}, columns={"signal": rollouts.rewards}), state

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        return Shaped(advantages=tokens.advantages + 1)


def batch(make_rollouts: RolloutFactory, halves: Tensor, rewards: tuple[float, ...] = (1, 0, 1, 0)) -> Rollouts:
    made = make_rollouts(rewards=rewards, group_size=2)
    signals = {"split_features": halves, "gradient_features": halves.mean(dim=1)}
    return replace(made, signals=signals)


# Halves that agree, that are at 60 degrees, that are at a right angle, that oppose each other.
HALVES = torch.tensor([[[1.0, 0], [2, 0]], [[1, 0], [0.5, 3**0.5 / 2]], [[1, 0], [0, 3]], [[1, 0], [-2, 0]]])


def test_reliability_by_hand() -> None:
    torch.testing.assert_close(reliability(HALVES), torch.tensor([1.0, 2 / 3, 0, 0]))  # 2·½ / 1½
    assert stepped_up(torch.tensor([-0.5, 0.25])).tolist() == pytest.approx([0, 0.4])


def test_a_completion_of_one_token_is_not_reliable() -> None:
    assert reliability(torch.tensor([[[1.0, 2], [0, 0]]])).tolist() == [0]


def test_the_floor_is_what_different_prompts_share() -> None:
    apart = torch.eye(4).unsqueeze(1).repeat(1, 2, 1)
    assert noise_floor(apart, 2) == 0
    same = torch.ones(4, 2, 3)
    assert noise_floor(same, 2) == pytest.approx(1)
    assert noise_floor(same, 4) == 0, "one prompt has none to be compared with"
    # Of the eight pairs of different prompts one is alike: the 95% point lies between the seventh and the eighth.
    one = apart.clone()
    one[0, 0] = one[2, 1]
    assert noise_floor(one, 2) == pytest.approx(0.65)


@pytest.mark.parametrize("tokens", [False, True])
def test_unreliable_bonuses_are_taken_back(tokens: bool, make_rollouts: RolloutFactory) -> None:
    rollouts = batch(make_rollouts, HALVES)
    strategy = Filtered(strategy=OneMore(tokens=tokens), least_reliability=0.6, least_impact=0)
    shaped, state = strategy.shape(rollouts, strategy.init())
    assert shaped is not None
    moved = shaped.advantages - (rollouts.advantages.unsqueeze(1) if tokens else rollouts.advantages)
    assert moved.reshape(4, -1)[:, 0].tolist() == pytest.approx([1, 1, 0, 0])
    assert shaped.columns["filtered"].tolist() == [0, 0, 1, 1]
    assert "signal" in shaped.columns
    said = {"filtered": 0.5, "filtered_unreliable": 0.5, "filtered_slight": 0, "noise_floor": 0.6, "inner": 1}
    assert {name: shaped.diagnostics[name] for name in said} == said
    assert shaped.diagnostics["reliability"] == pytest.approx((1 + 2 / 3) / 4)
    assert state["filtered"].tolist() == [False, False, True, True]


def test_slight_impact_is_length_times_advantage(make_rollouts: RolloutFactory) -> None:
    halves = torch.tensor([[9.0, 0], [1, 0], [4, 0], [4, 0], [4, 0], [4, 0]]).unsqueeze(1).repeat(1, 2, 1)
    rollouts = batch(make_rollouts, halves, rewards=(1, 0, 1, 0, 1, 1))
    a = float(rollouts.advantages[0])
    # Impacts 9a, a, 4a, 4a and, in the group of one reward, 0 and 0: their mean is 3a.
    assert a > 0
    strategy = Filtered(strategy=OneMore(), least_reliability=0, least_impact=0.5)
    shaped, _ = strategy.shape(rollouts, strategy.init())
    assert shaped is not None
    assert shaped.columns["filtered"].tolist() == [0, 1, 0, 0, 1, 1]


def test_single_tokens_of_filtered_rollouts_are_taken_back(
    make_rollouts: RolloutFactory, make_tokens: TokenFactory
) -> None:
    strategy = Filtered(strategy=OneMore(), least_reliability=0.6, least_impact=0)
    _, state = strategy.shape(batch(make_rollouts, HALVES), strategy.init())
    tokens = replace(make_tokens(batch=2), rows=torch.tensor([3, 1]))
    weighed = strategy.weigh(tokens, state)
    assert weighed is not None
    assert torch.equal(weighed.advantages[0], tokens.advantages[0])
    torch.testing.assert_close(weighed.advantages[1], tokens.advantages[1] + 1)


def test_by_lot_as_many_are_filtered(make_rollouts: RolloutFactory) -> None:
    by_signal = Filtered(strategy=OneMore(), least_reliability=0.6, least_impact=0)
    by_lot = replace(by_signal, choose="random")
    seen = set()
    for seed in range(12):
        rollouts = replace(batch(make_rollouts, HALVES), generator=torch.Generator().manual_seed(seed))
        shaped, _ = by_lot.shape(rollouts, by_lot.init())
        assert shaped is not None
        assert shaped.columns["filtered"].sum() == 2
        seen.add(tuple(shaped.columns["filtered"].tolist()))
    assert len(seen) > 2
    assert by_lot in by_signal.controls()
    assert by_lot not in by_lot.controls()


def test_what_never_filters_is_the_inner_strategy(make_rollouts: RolloutFactory) -> None:
    strategy = Filtered(strategy=OneMore(), least_reliability=0, least_impact=0)
    rollouts = batch(make_rollouts, HALVES)
    shaped, inner = strategy.shape(rollouts, strategy.init())[0], OneMore().shape(rollouts, {})[0]
    assert shaped is not None
    assert inner is not None
    assert torch.equal(shaped.advantages, inner.advantages)
    assert strategy.needs() == frozenset()


def test_the_filter_pays_for_its_own_signals() -> None:
    strategy = build({"filtered": {"strategy": "g2rl"}})
    assert dict(strategy.asked()) == {"": frozenset({"gradient_features"}), "filter": SIGNALS}


@given(st.integers(0, 2**31))
def test_reliability_stays_within_its_bounds(seed: int) -> None:
    halves = torch.randn(8, 2, 3, generator=torch.Generator().manual_seed(seed))
    assert ((reliability(halves) >= 0) & (reliability(halves) <= 1 + 1e-6)).all()
    assert 0 <= noise_floor(halves, 4) <= 1 + 1e-6
