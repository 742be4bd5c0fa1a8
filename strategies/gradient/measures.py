"""What can be read from a rollout's update direction: how strong it is, and how much of it points to a target.

Shape suffixes: B rollouts, F features.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from strategies.rollouts import Rollouts

UniformGroup = Literal["shape", "zero", "no_std"]
"""What becomes of groups whose rewards are all the same: shaped like any (standardising gives what is shaped full
weight, however small), left at no advantage as GRPO does, or shaped and not divided by their spread."""


def gradient_norm(features_BF: Tensor) -> Tensor:
    """Return the strength of each rollout's learning signal, (B,): the length of its gradient."""
    lengths: Tensor = torch.linalg.vector_norm(features_BF.float(), dim=1)
    return lengths


def alignment(features_BF: Tensor, target: Tensor, by: Literal["cosine", "dot"] = "cosine") -> Tensor:
    """Return the signed inner product (B,) of each rollout's gradient with a target gradient.

    Args:
        features_BF: The rollouts' gradients.
        target: (F,), or (B, F) where each rollout has its own; zero has no direction, and gives 0.
        by: cosine: of unit vectors. dot: as it is.
    """
    if by == "cosine":
        features_BF, target = normalize(features_BF.float(), dim=1), normalize(target.float(), dim=-1)
    return (features_BF.float() * target.float()).sum(dim=1)


def others_right(features_BF: Tensor, rollouts: Rollouts) -> tuple[Tensor, Tensor]:
    """Return for each rollout the mean (B, F) of the unit features of the right others of its group, and their number.

    The mean is zero where there is no other right one.
    """
    unit = rollouts.grouped(normalize(features_BF.float(), dim=1))
    right = (rollouts.grouped(rollouts.rewards) > 0).float().unsqueeze(-1)
    count = right.sum(dim=1, keepdim=True) - right
    mean = ((unit * right).sum(dim=1, keepdim=True) - unit * right) / count.clamp(min=1)
    none = count == 0
    return torch.where(none, torch.zeros_like(mean), mean).flatten(0, 1), count.reshape(-1)


def standardised(rollouts: Rollouts, rewards: Tensor, uniform_group: UniformGroup) -> Tensor:
    """Return the advantages (B,) of shaped `rewards` (B,), in groups of one verified reward as `uniform_group` says."""
    advantages = rollouts.normalise(rewards)
    if uniform_group == "shape":
        return advantages
    centred = replace(rollouts, scale="none").normalise(rewards)
    alone = centred if uniform_group == "no_std" else torch.zeros_like(advantages)
    return torch.where(rollouts.uniform(), alone, advantages)
