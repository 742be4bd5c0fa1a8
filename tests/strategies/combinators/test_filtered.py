"""The filter: what is noise or of no impact keeps plain GRPO's advantages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from strategies import Rollouts, RunSettings, Shaped, State, Strategy, TokenBatch, build
from strategies.combinators.filtered import Filtered
from strategies.gradient.g2rl import G2RL
from strategies.gradient.reliability import cosine_profiles

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


@pytest.mark.parametrize("tokens", [False, True])
def test_unreliable_bonuses_are_taken_back(tokens: bool, make_rollouts: RolloutFactory) -> None:
    rollouts = batch(make_rollouts, HALVES)
    strategy = Filtered(strategy=OneMore(tokens=tokens), by="tokens", least_reliability=0.6, least_impact=0)
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
    strategy = Filtered(strategy=OneMore(), by="tokens", least_reliability=0, least_impact=0.5)
    shaped, _ = strategy.shape(rollouts, strategy.init())
    assert shaped is not None
    assert shaped.columns["filtered"].tolist() == [0, 1, 0, 0, 1, 1]


def test_single_tokens_of_filtered_rollouts_are_taken_back(
    make_rollouts: RolloutFactory, make_tokens: TokenFactory
) -> None:
    strategy = Filtered(strategy=OneMore(), by="tokens", least_reliability=0.6, least_impact=0)
    _, state = strategy.shape(batch(make_rollouts, HALVES), strategy.init())
    tokens = replace(make_tokens(batch=2), rows=torch.tensor([3, 1]))
    weighed = strategy.weigh(tokens, state)
    assert weighed is not None
    assert torch.equal(weighed.advantages[0], tokens.advantages[0])
    torch.testing.assert_close(weighed.advantages[1], tokens.advantages[1] + 1)


def test_by_lot_as_many_are_filtered(make_rollouts: RolloutFactory) -> None:
    by_signal = Filtered(strategy=OneMore(), by="tokens", least_reliability=0.6, least_impact=0)
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
    own = {"": frozenset({"hidden"})}
    for by, signals in (("cosines", {"hidden"}), ("tokens", {"split_features"})):
        strategy = build({"filtered": {"strategy": {"g2rl": {"signal": "mean_hidden"}}, "by": by}})
        assert dict(strategy.asked()) == {**own, "filter": frozenset({"gradient_features", *signals})}


def test_noise_is_filtered_and_structure_is_not(make_rollouts: RolloutFactory) -> None:
    source = torch.Generator().manual_seed(0)
    noise = torch.randn(64, 40, generator=source)
    few = torch.randn(64, 2, generator=source) @ torch.randn(2, 40, generator=source) + 0.05 * noise
    shares = []
    for features in (noise, few):
        made = make_rollouts(rewards=(1, 0) * 32, group_size=8)
        rollouts = replace(made, signals={"gradient_features": features})
        strategy = Filtered(strategy=OneMore(), least_impact=0)
        shaped, _ = strategy.shape(rollouts, strategy.init())
        assert shaped is not None
        shares.append(shaped.diagnostics["filtered"])
    assert shares[0] > 0.85, "chance passes one in twenty"
    assert shares[1] < 0.1


def test_features_that_are_drawn_are_those_that_the_bonus_was_made_from(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts()
    inner = G2RL(signal="random_vector")
    strategy = Filtered(strategy=inner, least_impact=0)
    before = rollouts.generator.get_state() if rollouts.generator else None
    strategy.shape(rollouts, strategy.init())
    assert rollouts.generator is not None
    assert before is not None
    after = rollouts.generator.get_state()
    rollouts.generator.set_state(before)
    drawn = inner.features.of(rollouts)
    rollouts.generator.set_state(before)
    inner.shape(rollouts, {})
    assert torch.equal(rollouts.generator.get_state(), after), "the filter draws nothing"
    assert torch.equal(strategy._profiles(rollouts, before)[0], cosine_profiles(drawn, rollouts.group_size))


def test_a_group_too_small_for_a_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match=r"training.group_size 3 there are too few. Set it to 4 or more"):
        Filtered(strategy=OneMore()).check(RunSettings(group_size=3))
    Filtered(strategy=OneMore(), by="tokens").check(RunSettings(group_size=3))


def test_the_cosines_that_it_halves_are_told_whatever_it_is_around(make_rollouts: RolloutFactory) -> None:
    features = [[1.0, 0, 0, 0], [0, 2.0, 0, 0], [3.0, 4.0, 0, 0], [-1.0, 0, 0, 0]]
    rollouts = make_rollouts(rewards=(1, 0, 0, 1), features=features)
    strategy = Filtered(strategy=OneMore())
    shaped, _ = strategy.shape(rollouts, strategy.init())
    assert shaped is not None
    found = shaped.cosines["update directions, pairs of a group"]
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.6, -1.0, 0.8, 0.0, -0.6]]))
    around = Filtered(strategy=G2RL(signal="random_vector"))
    again, _ = around.shape(rollouts, around.init())
    assert again is not None
    assert list(again.cosines) == ["random vectors, pairs of a group"]
