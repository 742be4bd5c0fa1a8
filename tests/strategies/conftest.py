"""Rollouts made by hand, without a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from strategies import Rollouts

RolloutFactory = Callable[..., Rollouts]

TOKENS, HIDDEN, VOCABULARY = 5, 4, 11


@pytest.fixture
def make_rollouts() -> RolloutFactory:
    """Return a factory of batches in which every signal is present and padding holds zeros."""

    def make(
        *,
        rewards: tuple[float, ...] = (1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1),
        group_size: int = 4,
        features: Any = None,
        scale: Any = "group",
        seed: int = 0,
    ) -> Rollouts:
        source = torch.Generator().manual_seed(seed)
        batch = len(rewards)
        lengths = torch.arange(batch) % TOKENS + 1
        mask = torch.arange(TOKENS) < lengths.unsqueeze(1)
        noise = torch.randn(batch, TOKENS, HIDDEN, generator=source)
        per_token = torch.rand(batch, TOKENS, generator=source) * mask
        given = None if features is None else torch.tensor(features, dtype=torch.float32)
        plain = Rollouts(
            rewards=torch.tensor(rewards, dtype=torch.float32),
            advantages=torch.empty(0),
            group_size=group_size,
            completion_ids=torch.randint(1, VOCABULARY, (batch, TOKENS), generator=source) * mask,
            mask=mask,
            scale=scale,
        )
        return Rollouts(
            rewards=plain.rewards,
            advantages=plain.normalise(plain.rewards),
            group_size=group_size,
            completion_ids=plain.completion_ids,
            mask=mask,
            signals={
                "gradient_features": noise.sum(dim=1) if given is None else given,
                "hidden": noise * mask.unsqueeze(-1),
                "logp": -per_token,
                "entropy": per_token,
            },
            prompts=[f"prompt {row // group_size}" for row in range(batch)],
            completions=[f"completion {row}" for row in range(batch)],
            scale=scale,
            step=3,
            generator=torch.Generator().manual_seed(seed + 1),
        )

    return make
