"""G2RL against numbers worked by hand, against slow loops, and against what is known of its formula."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import Rollouts, Shaped, StrategyError, build
from strategies.gradient.g2rl import G2RL, cosines, min_max, novelty

RolloutFactory = Callable[..., Rollouts]

# Three update directions at cosines 0 (first and second), 0.6 (first and third) and 0.8 (second and third).
FEATURES = [[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]]
REWARDS = (1.0, 0.0, 0.0)
# The one right answer weighs e² times a wrong one: e² / (e² + 1) = 0.880797 of the weight beside one wrong answer.
NOVELTY = [
    1 - 0.5 * 0.6**2,  # the rest of its group: two wrong answers
    1 - 0.119203 * 0.8**2,
    1 - 0.880797 * 0.6**2 - 0.119203 * 0.8**2,
]
SCALED = [0.672929, 1.0, 0.0]
SHAPED = {
    "literal": [1 + 0.5 * 0.672929, -1 + 0.5, -1.0],
    "prose": [1 + 0.5 * 0.672929, -1 - 0.5, -1.0],
    "centred": [1 + 0.5 * 0.345858, -1 - 0.5, -1 + 0.5],
}
"""Shaped rewards at strength 0.5."""


def standardised(values: Sequence[float]) -> list[float]:
    """Return GRPO's advantages of one group, from rewards in [0, 1]."""
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    return [(value - mean) / (deviation + 1e-4) for value in values]


def shape(rollouts: Rollouts, **parameters: Any) -> Shaped:
    strategy = G2RL(**parameters)
    shaped = strategy.shape(rollouts, strategy.init())[0]
    assert shaped is not None
    return shaped


def test_cosines_of_the_group() -> None:
    expected = torch.tensor([[[1.0, 0.0, 0.6], [0.0, 1.0, 0.8], [0.6, 0.8, 1.0]]])
    torch.testing.assert_close(cosines(torch.tensor([FEATURES])), expected)


def test_novelty_of_the_group() -> None:
    found = novelty(cosines(torch.tensor([FEATURES])), torch.tensor([[1.0, -1.0, -1.0]]))
    torch.testing.assert_close(found, torch.tensor([NOVELTY]), atol=1e-5, rtol=0)


def test_an_opposite_direction_is_as_redundant_as_the_same_one() -> None:
    signed = torch.tensor([[1.0, 1.0]])
    for second in ([2.0, 0.0], [-2.0, 0.0]):
        found = novelty(cosines(torch.tensor([[[1.0, 0.0], second]])), signed)
        torch.testing.assert_close(found, torch.zeros(1, 2), atol=1e-6, rtol=0)


def test_min_max_of_the_group() -> None:
    torch.testing.assert_close(min_max(torch.tensor([NOVELTY])), torch.tensor([SCALED]), atol=1e-5, rtol=0)
    assert min_max(torch.full((1, 3), 0.7)).tolist() == [[0.5, 0.5, 0.5]]


@pytest.mark.parametrize("form", SHAPED)
def test_the_three_forms_of_the_group(form: Any, make_rollouts: RolloutFactory) -> None:
    shaped = shape(make_rollouts(rewards=REWARDS, group_size=3, features=FEATURES), strength=0.5, form=form)
    expected = standardised([(value + 1) / 2 for value in SHAPED[form]])
    torch.testing.assert_close(shaped.advantages, torch.tensor(expected), atol=1e-4, rtol=0)


def test_a_novel_wrong_answer() -> None:
    wrong, novel, redundant = torch.tensor(-1.0), torch.tensor(1.0), torch.tensor(0.0)
    by_form = {
        form: [(wrong * G2RL(strength=0.5, form=form).factor(wrong, nu)).item() for nu in (novel, redundant)]
        for form in ("literal", "prose", "centred")
    }
    assert by_form["literal"] == [-0.5, -1.0]  # the equations: softened, against the paper's own prose
    assert by_form["prose"] == [-1.5, -1.0]  # punished more, but a redundant one no less than before
    assert by_form["centred"] == [-1.5, -0.5]  # both halves of the prose


@pytest.mark.parametrize(("strength", "best"), [(1.9, 2.9), (2.0, 3.0), (4.0, 3.0)])
def test_the_clip_binds_only_above_a_strength_of_two(
    strength: float, best: float, make_rollouts: RolloutFactory
) -> None:
    # Two right answers in the same direction, one in another: scaled novelty 0, 0, 1.
    rollouts = make_rollouts(rewards=(1, 1, 1), group_size=3, features=[[1, 0], [1, 0], [0, 1]], scale="none")
    advantages = shape(rollouts, strength=strength).advantages
    assert (advantages[2] - advantages[0]).item() == pytest.approx((best - 1) / 2)


def test_strength_moves_the_advantages_further_from_plain_grpo(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=3, features=FEATURES, scale="none")
    moved = [shape(rollouts, strength=strength).advantages - rollouts.advantages for strength in (0.1, 0.2)]
    assert moved[0].abs().max() > 0.01
    torch.testing.assert_close(moved[1], 2 * moved[0])


def test_a_solved_group_is_pushed_at_full_strength_whatever_the_strength(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 1, 1, 1), group_size=4)
    assert rollouts.advantages.abs().max() == 0
    directions = []
    for strength in (0.01, 0.1, 1.0):
        advantages = shape(rollouts, strength=strength, uniform_group="shape").advantages
        assert 0.9 < advantages.std() <= 1  # short of 1 only by the 1e-4 that TRL adds to the deviation
        directions.append(advantages / advantages.std())
    torch.testing.assert_close(directions[0], directions[1], atol=1e-3, rtol=0)
    torch.testing.assert_close(directions[1], directions[2], atol=1e-3, rtol=0)


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_a_uniform_group_may_be_left_at_zero(reward: float, make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(reward,) * 4 + (1, 0, 0, 0), group_size=4)
    zero = shape(rollouts, uniform_group="zero").advantages
    kept = shape(rollouts, uniform_group="shape").advantages
    assert zero[:4].tolist() == [0, 0, 0, 0]
    assert kept[:4].abs().min() > 0
    assert zero[4:].tolist() == kept[4:].tolist()


def test_directions_all_alike_leave_the_order_of_grpo(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=3, features=[[1.0, 1.0]] * 3)
    torch.testing.assert_close(shape(rollouts, form="centred").advantages, rollouts.advantages)


def test_a_rollout_without_a_direction_is_novel_and_finite(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=3, features=[[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert torch.isfinite(shape(rollouts).advantages).all()


def test_what_is_logged(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=3, features=[[1.0, 0.0], [0.0, 2.0], [-3.0, 4.0]])
    logged = shape(rollouts, strength=0.5).diagnostics
    assert logged["novelty"] == pytest.approx(statistics.mean(NOVELTY), abs=1e-5)  # squares have no sign
    assert logged["cosine"] == pytest.approx((0.0 - 0.6 + 0.8) / 3)
    assert logged["negative_cosine_pairs"] == pytest.approx(1 / 3)
    assert logged["advantage_moved"] > 0


def test_each_pair_is_counted_once_among_the_cosines(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=REWARDS, group_size=3, features=[[1.0, 0.0], [0.0, 2.0], [-3.0, 4.0]])
    found = shape(rollouts).cosines
    assert list(found) == ["update directions, pairs of a group"]
    expected = torch.tensor([[0.0, -0.6, 0.8]])  # first and second, first and third, second and third
    torch.testing.assert_close(found["update directions, pairs of a group"], expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"strength": -1}, r"strength must be at least 0 and at most 10, got -1\.0"),
        ({"strength": 11}, r"strength must be at least 0 and at most 10, got 11\.0"),
        ({"clip": 0.5}, r"clip must be at least 1, got 0\.5"),
        ({"form": "poetry"}, r"g2rl\.form: expected 'literal', 'prose' or 'centred'; got 'poetry'"),
        ({"uniform_group": "none"}, r"g2rl\.uniform_group: expected 'shape', 'zero' or 'no_std'; got 'none'"),
    ],
)
def test_parameters_out_of_bounds_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        build({"g2rl": parameters})


def slow_advantages(
    features: list[list[float]], rewards: list[float], *, strength: float, form: str, uniform_group: str, clip: float
) -> list[float]:
    """Return G2RL's advantages of one group, term by term as the paper writes them."""
    signed = [2 * reward - 1 for reward in rewards]
    units = [[x / (math.hypot(*row) + 1e-8) for x in row] for row in features]
    nus = []
    for i, mine in enumerate(units):
        others = [j for j in range(len(units)) if j != i]
        total = sum(math.exp(signed[j]) for j in others)
        squares = [sum(a * b for a, b in zip(mine, units[j], strict=True)) ** 2 for j in others]
        nus.append(
            max(0.0, 1 - sum(math.exp(signed[j]) / total * square for j, square in zip(others, squares, strict=True)))
        )
    low, high = min(nus), max(nus)
    shaped = []
    for r, nu in zip(signed, nus, strict=True):
        scaled = (nu - low) / (high - low)
        factor = {
            "literal": 1 + strength * r * scaled,
            "prose": 1 + strength * scaled,
            "centred": 1 + strength * (2 * scaled - 1),
        }[form]
        shaped.append(min(max(r * factor, -clip), clip))
    if len(set(rewards)) == 1 and uniform_group == "zero":
        return [0.0] * len(rewards)
    return standardised([(value + 1) / 2 for value in shaped])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    group_size=st.integers(3, 6),
    strength=st.floats(0.05, 10),
    form=st.sampled_from(["literal", "prose", "centred"]),
    uniform_group=st.sampled_from(["shape", "zero"]),
    clip=st.floats(1, 6),
)
def test_shape_is_the_slow_loop(
    seed: int, group_size: int, strength: float, form: str, uniform_group: str, clip: float
) -> None:
    source = torch.Generator().manual_seed(seed)
    groups = 2
    features = torch.randn(groups * group_size, 3, generator=source)
    rewards = torch.randint(0, 2, (groups * group_size,), generator=source).float()
    parameters: dict[str, Any] = {"strength": strength, "form": form, "uniform_group": uniform_group, "clip": clip}
    rollouts = Rollouts(
        rewards=rewards,
        advantages=torch.zeros_like(rewards),
        group_size=group_size,
        completion_ids=torch.zeros(len(rewards), 1, dtype=torch.long),
        mask=torch.ones(len(rewards), 1, dtype=torch.bool),
        signals={"gradient_features": features},
    )
    parts = [slice(start, start + group_size) for start in range(0, len(rewards), group_size)]
    slow = [slow_advantages(features[part].tolist(), rewards[part].tolist(), **parameters) for part in parts]
    found = shape(rollouts, **parameters).advantages
    torch.testing.assert_close(found, torch.tensor(slow).reshape(-1), atol=2e-3, rtol=2e-3)


def test_rounding_is_not_novelty() -> None:
    """Two answers, four times each: all are equally new, and min-max must not stretch what float32 rounds."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        features = torch.randn(2, 32, generator=generator).repeat_interleave(4, dim=0)
        features = features * (1 + torch.rand(8, 1, generator=generator))  # the same directions, other lengths
        mask = torch.ones(8, 3, dtype=torch.bool)
        rollouts = Rollouts(
            rewards=torch.ones(8),
            advantages=torch.zeros(8),
            group_size=8,
            completion_ids=mask.long(),
            mask=mask,
            signals={"gradient_features": features},
        )
        assert shape(rollouts, uniform_group="shape").advantages.abs().max() < 1e-2


def test_without_strength_it_is_grpo_and_asks_for_nothing(make_rollouts: RolloutFactory) -> None:
    strategy = G2RL(strength=0)
    assert strategy.shape(make_rollouts(), strategy.init())[0] is None
    assert strategy.needs() == frozenset()
