"""Random restarts: part of a group goes on from a random prefix of one of its failures.

References:
    "Credit Assignment with Resets", arXiv 2605.25507 (RRPO). There the prefix ends at a random thought; here it ends at
    a random token, since what a thought is depends on the task.
"""

from __future__ import annotations

import torch
from torch import Tensor

from strategies.resets.actions import LEAST_PART
from strategies.rewards.bonus import generator_of
from strategies.rollouts import Rollouts


def continued_count(share: float, group_size: int) -> int:
    """Return how many rollouts of a group go on from a prefix: `share` of it, as far as both parts can be compared."""
    return max(LEAST_PART, min(group_size - LEAST_PART, round(share * group_size)))


def of_failures(fresh: Rollouts) -> Tensor:
    """Return (P, 2): a random failure of each group and how many of its tokens to keep, 1 to all but the last.

    A failure is a rollout without the full reward of 1. Where a group has none of two tokens or more, the first rollout
    with no tokens: those that would go on start at the prompt.
    """
    generator = generator_of(fresh)
    lengths = fresh.grouped(fresh.mask.sum(dim=1)).cpu()
    possible = (fresh.grouped(fresh.rewards).cpu() < 1) & (lengths > 1)
    where = torch.zeros(len(possible), 2, dtype=torch.long)
    for group, failed in enumerate(possible):
        rows = failed.nonzero().flatten()
        if len(rows) > 0:
            row = rows[torch.randint(len(rows), (), generator=generator)]
            where[group, 0] = row
            where[group, 1] = torch.randint(1, int(lengths[group, row]), (), generator=generator)
    return where
