"""G2RL: reward the rollouts whose update direction the rest of their group does not already have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from strategies.contract import Rollouts, Shaped, SignalName, State, Strategy

EPS = 1e-8
SPREAD_EPS = 1e-5
"""Novelties closer than this are the same: float32 rounds near 1 by 6e-8, and min-max would stretch that to [0, 1]."""


def cosines(features_BGD: Tensor) -> Tensor:
    """Return the cosines between the members of each group, (B / G, G, G)."""
    unit_BGD = features_BGD / (features_BGD.norm(dim=-1, keepdim=True) + EPS)
    return torch.bmm(unit_BGD, unit_BGD.transpose(1, 2))


def novelty(cosines_BGG: Tensor, signed_rewards_BG: Tensor) -> Tensor:
    """Return ν (B / G, G) in [0, 1]: one minus the weighted sum of squared cosines to the rest of the group.

    Weights are exp(r_j) over all other members, r in {−1, +1}: a correct one counts e² times a wrong one.

    References:
        Liang et al. 2025, arXiv 2512.15687, equations 8 to 11.
    """
    size = signed_rewards_BG.shape[1]
    others = 1 - torch.eye(size, device=signed_rewards_BG.device, dtype=cosines_BGG.dtype)
    weights = signed_rewards_BG.exp().unsqueeze(1) * others
    weights = weights / (weights.sum(dim=-1, keepdim=True) + EPS)
    return (1 - (weights * cosines_BGG.square()).sum(dim=-1)).clamp(min=0)


def min_max(values_BG: Tensor) -> Tensor:
    """Return `values` scaled to [0, 1] within each group; a group without spread gives 0.5 throughout."""
    low, high = values_BG.amin(dim=1, keepdim=True), values_BG.amax(dim=1, keepdim=True)
    spread = high - low
    scaled = (values_BG - low) / spread.clamp(min=SPREAD_EPS)
    return torch.where(spread > SPREAD_EPS, scaled, torch.full_like(scaled, 0.5))


@dataclass(frozen=True, kw_only=True)
class G2RL(Strategy):
    """Multiply each reward r in {−1, +1} by a factor that grows with the rollout's gradient novelty ν̄.

    The paper's formula and prose disagree on wrong answers, and it states no value for λ; `form` picks a reading:

    - literal: r (1 + λ r ν̄), equations 12 and 13: a novel wrong answer is punished less.
    - prose: r (1 + λ ν̄): a novel wrong answer is punished more, none less than before.
    - centred: r (1 + λ (2ν̄ − 1)): the only one that satisfies both halves of the prose.

    References:
        Liang et al. 2025, "Gradient-Guided Reinforcement Learning", arXiv 2512.15687v1, section 3. No code is out.
    """

    family: ClassVar[str] = "gradient-guided"
    summary: ClassVar[str] = "rewards rollouts whose update direction is new to their group (G2RL)"

    strength: float = 0.3
    """λ in (0, 10]. The paper gives no value."""
    form: Literal["literal", "prose", "centred"] = "literal"
    uniform_group: Literal["shape", "zero"] = "shape"
    """Groups whose rewards are all the same: shape them too (the paper; standardising gives them full weight whatever
    λ is), or leave them at zero advantage as GRPO does."""
    clip: float = 3.0
    """Bound on the shaped reward."""

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 10:
            raise ValueError(f"strength must be above 0 and at most 10, got {self.strength}; plain GRPO is `grpo`")
        if not self.clip >= 1:
            raise ValueError(f"clip must be at least 1, the size of an unshaped reward; got {self.clip}")

    def needs(self) -> frozenset[SignalName]:
        """Ask for Φ."""
        return frozenset({"gradient_features"})

    def factor(self, signed: Tensor, scaled_novelty: Tensor) -> Tensor:
        """Return what `signed` rewards in {−1, +1} are multiplied by."""
        if self.form == "literal":
            return 1 + self.strength * signed * scaled_novelty
        if self.form == "prose":
            return 1 + self.strength * scaled_novelty
        return 1 + self.strength * (2 * scaled_novelty - 1)

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped, State]:
        """Shape the rewards, then standardise them as GRPO does."""
        signed = rollouts.grouped(2 * rollouts.rewards - 1)
        similarity = cosines(rollouts.grouped(rollouts.signals["gradient_features"]))
        raw = novelty(similarity, signed)
        shaped = (signed * self.factor(signed, min_max(raw))).clamp(-self.clip, self.clip).reshape(-1)
        advantages = rollouts.normalise((shaped + 1) / 2)
        if self.uniform_group == "zero":
            advantages = torch.where(rollouts.uniform(), torch.zeros_like(advantages), advantages)
        pairs = ~torch.eye(rollouts.group_size, dtype=torch.bool, device=raw.device)
        diagnostics = {
            "novelty": raw.mean().item(),
            "cosine": similarity[:, pairs].mean().item(),
            "negative_cosine_pairs": (similarity[:, pairs] < 0).float().mean().item(),
            "advantage_moved": (advantages - rollouts.advantages).abs().mean().item(),
        }
        return Shaped(advantages=advantages, diagnostics=diagnostics), state
