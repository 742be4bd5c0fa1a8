"""Batches in which every number that a bonus reads can be set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from strategies import Rollouts

BatchFactory = Callable[..., Rollouts]

HIDDEN, TOKENS = 6, 5


@pytest.fixture
def make_batch() -> BatchFactory:
    """Return a factory of batches; what is not given is drawn at random, and padding holds NaN."""

    def make(
        rewards: Sequence[float] = (1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1),
        *,
        group_size: int = 4,
        logp: Any = None,
        hidden: Any = None,
        lengths: Sequence[int] | None = None,
        answers: Sequence[str | None] | None = None,
        indices: Sequence[int] | None = None,
        scale: Any = "group",
        step: int = 0,
        seed: int = 0,
    ) -> Rollouts:
        source = torch.Generator().manual_seed(seed)
        batch = len(rewards)
        logp_BT = -torch.rand(batch, TOKENS, generator=source) if logp is None else torch.tensor(logp).float()
        noise = torch.randn(batch, logp_BT.shape[1], HIDDEN, generator=source)
        hidden_BTD = noise if hidden is None else torch.tensor(hidden).float()
        tokens = hidden_BTD.shape[1] if logp is None else logp_BT.shape[1]
        sizes = torch.tensor([row % tokens + 1 for row in range(batch)] if lengths is None else lengths)
        mask = torch.arange(tokens) < sizes.unsqueeze(1)
        nan = torch.tensor(float("nan"))
        whole = torch.where(mask.unsqueeze(2), hidden_BTD[:, :tokens], 0).sum(dim=1) / sizes.unsqueeze(1)
        plain = Rollouts(
            rewards=torch.tensor(rewards, dtype=torch.float32),
            advantages=torch.empty(0),
            group_size=group_size,
            completion_ids=mask.long(),
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
                "logp": torch.where(mask, logp_BT[:, :tokens], nan),
                "hidden": torch.where(mask.unsqueeze(2), hidden_BTD[:, :tokens], nan),
                "reference_hidden": whole,
            },
            indices=[row // group_size for row in range(batch)] if indices is None else indices,
            answers=[f"{seed + row % 3}" for row in range(batch)] if answers is None else answers,
            scale=scale,
            step=step,
            generator=torch.Generator().manual_seed(seed + 1),
        )

    return make
