"""How much of a rollout's direction would be there again: one half of what is known of it against the other half.

Each rollout has two profiles, made from different halves. Its reliability is how well they agree; what the profiles of
rollouts of different prompts agree on is chance.

Shape suffixes: B rollouts, P groups, G rollouts of a group, F features, K numbers of a profile.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

LEAST_GROUP = 4
"""Rollouts of a group without which its members' cosines have no pattern."""


def stepped_up(correlation: Tensor) -> Tensor:
    """Return the reliability of a whole from the correlation of its halves; 0 where that is negative.

    References:
        Spearman 1910, Brown 1910.
    """
    positive = correlation.clamp(min=0)
    return 2 * positive / (1 + positive)


def reliability(profiles_B2K: Tensor) -> Tensor:
    """Return ρ (B,): how well each rollout's two profiles agree."""
    return stepped_up(cosine_similarity(profiles_B2K[:, 0], profiles_B2K[:, 1], dim=1))


def noise_floor(profiles_B2K: Tensor, group_size: int, quantile: float) -> float:
    """Return a quantile of the same number for profiles of rollouts of different prompts; 0 if there is one prompt."""
    groups = torch.arange(len(profiles_B2K), device=profiles_B2K.device) // group_size
    apart = groups.unsqueeze(1) != groups
    if not apart.any():
        return 0.0
    first, second = (normalize(profiles_B2K[:, half], dim=1) for half in (0, 1))
    return float(torch.quantile(stepped_up(first @ second.T)[apart], quantile))


def cosine_profiles(features_BF: Tensor, group_size: int) -> Tensor:
    """Return each rollout's cosines to the others of its group, (B, 2, G − 1), in two disjoint halves of the features.

    Profiles are centred, so that their cosine is a correlation. Vectors that are noise have unrelated cosines in
    unrelated features; where a direction means something, both halves say whom it is like.

    Args:
        features_BF: Whose columns are divided by lot, always the same way.
        group_size: G.
    """
    order = torch.randperm(features_BF.shape[1], generator=torch.Generator().manual_seed(0))
    return torch.stack([_cosines(features_BF[:, order[start::2]], group_size) for start in (0, 1)], dim=1)


def _cosines(features_BF: Tensor, group_size: int) -> Tensor:
    unit_PGF = normalize(features_BF.float(), dim=1).view(-1, group_size, features_BF.shape[1])
    cosines_PGG = torch.bmm(unit_PGF, unit_PGF.transpose(1, 2))
    others = ~torch.eye(group_size, dtype=torch.bool, device=features_BF.device)
    profiles_BK = cosines_PGG[:, others].view(-1, group_size - 1)
    return profiles_BK - profiles_BK.mean(dim=1, keepdim=True)
