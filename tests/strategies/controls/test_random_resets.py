"""Resets at random: how often, of what, and when they are refused."""

from __future__ import annotations

import pytest
import torch

from strategies import Progress, RunSettings, build
from strategies.controls.grpo import GRPO
from strategies.controls.random_resets import RandomResets


def resets(strategy: RandomResets, steps: int, seed: int = 0) -> list[int]:
    """Return the steps after which `strategy` resets."""
    source, state, found = torch.Generator().manual_seed(seed), strategy.init(), []
    for step in range(1, steps + 1):
        progress = Progress(step=step, share=step / steps, reward=0.5, entropy=1.0, generator=source)
        events, state = strategy.react(progress, state)
        if events:
            assert [event.kind for event in events] == [strategy.action]
            found.append(step)
    assert state["resets"] == len(found)
    return found


def test_resets_come_once_in_the_mean_number_of_steps() -> None:
    steps, mean = 4000, 10.0
    found = resets(RandomResets(strategy=GRPO(), action="optimizer", mean_steps=mean), steps)
    # Binomial(4000, 0.1): mean 400, standard deviation 19; four of them.
    assert abs(len(found) - 400) < 76
    gaps = torch.tensor(found).diff().float()
    # A geometric gap of mean m has standard deviation √(m² − m) = 9.5; a fixed one would have none.
    assert gaps.std().item() == pytest.approx(9.5, rel=0.25)


def test_mean_of_one_resets_after_each_step() -> None:
    assert resets(RandomResets(strategy=GRPO(), action="reference", mean_steps=1), 5) == [1, 2, 3, 4, 5]


def test_the_global_generator_is_not_read() -> None:
    strategy = RandomResets(strategy=GRPO(), action="optimizer", mean_steps=3)
    torch.manual_seed(1)
    first = resets(strategy, 50)
    torch.manual_seed(2)
    assert resets(strategy, 50) == first != resets(strategy, 50, seed=1)


def test_a_reference_reset_without_a_reference_is_refused() -> None:
    strategy = RandomResets(strategy=GRPO(), action="reference")
    with pytest.raises(ValueError, match=r"training\.kl is 0\.0"):
        strategy.check(RunSettings(kl=0.0))
    strategy.check(RunSettings(kl=0.001))
    RandomResets(strategy=GRPO(), action="optimizer").check(RunSettings(kl=0.0))


def test_mean_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mean_steps must be at least 1, got 0\.5"):
        build({"random_resets": {"strategy": "grpo", "action": "optimizer", "mean_steps": 0.5}})


def test_the_inner_strategy_acts() -> None:
    strategy = build({"random_resets": {"strategy": {"entropy_bonus": {"coefficient": 0.5}}, "action": "optimizer"}})
    assert strategy.trainer_settings() == {"entropy_coef": 0.5}
    assert strategy.controls() == ()
