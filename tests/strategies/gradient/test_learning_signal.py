"""The learning signal: long gradients weigh more, and their prompts are trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch

from strategies import PromptPool, Rollouts
from strategies.controls.noise_novelty import NoiseNovelty
from strategies.gradient.learning_signal import LearningSignal
from strategies.prompts.random_subset import RandomSubset

RolloutFactory = Callable[..., Rollouts]
PoolFactory = Callable[..., PromptPool]


def test_weights_by_hand(make_rollouts: RolloutFactory) -> None:
    features = [[3.0, 4], [1.0, 0], [0, 1.0], [0, 1.0]]  # lengths 5, 1, 1, 1: mean 2
    rollouts = make_rollouts(rewards=(1, 0, 0, 1), features=features)
    shaped, _ = LearningSignal(strength=0.5).shape(rollouts, {})
    assert shaped is not None
    weights = torch.tensor([1.75, 0.75, 0.75, 0.75])
    torch.testing.assert_close(shaped.advantages, rollouts.advantages * weights)
    assert shaped.diagnostics["largest_weight"] == pytest.approx(1.75)
    assert shaped.diagnostics["gradient_norm"] == pytest.approx(2)
    assert weights.mean() == 1
    assert shaped.columns["signal"].tolist() == pytest.approx([5, 1, 1, 1])


def test_no_gradients_at_all_change_only_what_they_weigh(make_rollouts: RolloutFactory) -> None:
    rollouts = make_rollouts(rewards=(1, 0, 0, 1), features=[[0.0, 0]] * 4)
    shaped, _ = LearningSignal(strength=1).shape(rollouts, {})
    assert shaped is not None
    assert torch.isfinite(shaped.advantages).all()


def test_prompts_with_the_longest_gradients(make_pool: PoolFactory, make_rollouts: RolloutFactory) -> None:
    lengths = {0: 1.0, 1: 4.0, 2: 2.0, 3: 3.0, 4: 9.0, 5: 0.5, 6: 8.0, 7: 0.1}

    def probe(
        problems: Sequence[int],
        rollouts: int,
        signals: frozenset[str] = frozenset(),
        *,
        suite: str | None = None,
        part: str = "",
    ) -> Rollouts:
        features = [[sign * lengths[problem], 0.0] for problem in problems for sign in (1, -1)]
        made = make_rollouts(rewards=(1, 0) * len(problems), group_size=2, features=features)
        return replace(made, mask=torch.ones_like(made.mask))

    strategy = LearningSignal(rollouts=2, every_batches=1)
    picked, _ = strategy.pick_prompts(replace(make_pool(), probe=probe), strategy.init())
    assert picked == [1, 3, 4, 6]


def test_its_controls_are_shuffled_weights_and_chance() -> None:
    both = LearningSignal(candidates=3, rollouts=5)
    assert both.controls() == (NoiseNovelty(of=both), RandomSubset(candidates=3, rollouts=5))
    alone = LearningSignal(candidates=1)
    assert alone.controls() == (NoiseNovelty(of=alone),)
