"""G2RL: reward the rollouts whose update direction the rest of their group does not already have.

Each rollout's first-order update direction Φ is the mean over its tokens of the gradient of log p(y_t) with respect to
the hidden state at the LM head. Its novelty ν is one minus the weighted sum of squared cosines to the rest of the
group; the reward is multiplied by a factor that grows with ν, scaled to [0, 1] within the group.

Formula:
    φ_t = W[y_t] − Σ_v p_t(v) W[v], Φ = mean_t φ_t;
    ν_i = max(0, 1 − Σ_j w_ij cos²(Φ_i, Φ_j)), w_ij ∝ exp(r_j) over j ≠ i;
    ν̄ = min-max of ν in the group; with r in {−1, +1}, r' = clip(r · f, ±c) and
    literal: f = 1 + λ r ν̄ (equations 12 and 13: a novel wrong answer is punished less);
    prose: f = 1 + λ ν̄ (a novel wrong answer is punished more, none less than before);
    centred: f = 1 + λ (2ν̄ − 1): the only one that satisfies both halves of the prose.

Source:
    Liang et al. 2025, "Gradient-Guided Reinforcement Learning", arXiv 2512.15687v1, section 3. No code is out.

    `reference` uniform: w_ij the same for all j ≠ i; correct: for the right j ≠ i alone, for all where there are none.
    `cosine` absolute: |cos| in the place of cos²; signed: max(cos, 0)², so that an opposite direction is new.
    `uniform_group` no_std: in a group whose rewards are all the same, r' less its mean, not divided by its spread.
    `signal` puts another vector in the place of Φ, with all that follows as it is.

Defaults:
    λ = 0.3 is ours, the paper states none; the paper's clip of 3; the literal form, weights and squared cosines.

Known defects:
    The paper's formula and prose disagree on wrong answers (`form`). In a group whose rewards are all the same,
    standardising gives the novelty full weight whatever λ is (`uniform_group: no_std` gives it λ's, `zero` none). The
    clip of 3 binds only above λ = 2. Squared cosines call an opposite direction redundant (`cosine: signed` does not).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from strategies.contract import State, Strategy
from strategies.gradient.features import ByFeatures, pairs_of
from strategies.gradient.measures import UniformGroup, standardised
from strategies.parameters import Range
from strategies.rollouts import Rollouts, Shaped
from strategies.signals import SignalName

Reference = Literal["exp", "uniform", "correct"]
Cosine = Literal["squared", "absolute", "signed"]

EPS = 1e-8
SPREAD_EPS = 1e-5
"""Novelties closer than this are the same: float32 rounds near 1 by 6e-8, and min-max would stretch that to [0, 1]."""


def cosines(features_BGD: Tensor) -> Tensor:
    """Return the cosines between the members of each group, (B / G, G, G)."""
    unit_BGD = features_BGD / (features_BGD.norm(dim=-1, keepdim=True) + EPS)
    return torch.bmm(unit_BGD, unit_BGD.transpose(1, 2))


def similarity(cosines_BGG: Tensor, cosine: Cosine) -> Tensor:
    """Return how much of one rollout's direction another one has, in [0, 1], from the cosine between them."""
    if cosine == "absolute":
        return cosines_BGG.abs()
    return (cosines_BGG if cosine == "squared" else cosines_BGG.clamp(min=0)).square()


def reference_weights(signed_rewards_BG: Tensor, reference: Reference) -> Tensor:
    """Return w (B / G, G, G): what each member counts when another one is compared with its group; rows add up to 1.

    exp is the paper's: exp(r_j) over all other members, r in {−1, +1}, so that a right one counts e² times a wrong one.

    References:
        Liang et al. 2025, arXiv 2512.15687, equations 8 to 10.
    """
    size = signed_rewards_BG.shape[1]
    others = 1 - torch.eye(size, device=signed_rewards_BG.device, dtype=signed_rewards_BG.dtype)
    worth = signed_rewards_BG.exp() if reference == "exp" else torch.ones_like(signed_rewards_BG)
    weights = worth.unsqueeze(1) * others
    if reference == "correct":
        right = weights * (signed_rewards_BG > 0).unsqueeze(1)
        weights = torch.where(right.sum(dim=-1, keepdim=True) > 0, right, weights)
    return weights / (weights.sum(dim=-1, keepdim=True) + EPS)


def novelty(
    cosines_BGG: Tensor, signed_rewards_BG: Tensor, reference: Reference = "exp", cosine: Cosine = "squared"
) -> Tensor:
    """Return ν (B / G, G) in [0, 1]: one minus the weighted sum of squared cosines to the rest of the group.

    References:
        Liang et al. 2025, arXiv 2512.15687, equations 8 to 11.
    """
    weights = reference_weights(signed_rewards_BG, reference)
    return (1 - (weights * similarity(cosines_BGG, cosine)).sum(dim=-1)).clamp(min=0)


def min_max(values_BG: Tensor) -> Tensor:
    """Return `values` scaled to [0, 1] within each group; a group without spread gives 0.5 throughout."""
    low, high = values_BG.amin(dim=1, keepdim=True), values_BG.amax(dim=1, keepdim=True)
    spread = high - low
    scaled = (values_BG - low) / spread.clamp(min=SPREAD_EPS)
    return torch.where(spread > SPREAD_EPS, scaled, torch.full_like(scaled, 0.5))


@dataclass(frozen=True, kw_only=True)
class G2RL(ByFeatures):
    """Multiply each reward in {−1, +1} by a factor that grows with gradient novelty; the module says the rest."""

    family: ClassVar[str] = "gradient-guided"
    summary: ClassVar[str] = "rewards rollouts whose update direction is new to their group (G2RL)"

    strength: Annotated[float, Range(least=0, most=10)] = 0.3
    """λ; 0 is plain GRPO. The paper gives no value."""
    form: Literal["literal", "prose", "centred"] = "literal"
    """The reading of the paper."""
    uniform_group: UniformGroup = "shape"
    """Groups whose rewards are all the same: shape them too (the paper; standardising gives them full weight whatever
    λ is), leave them at zero advantage as GRPO does, or shape them without dividing by their spread."""
    reference: Reference = "exp"
    """Whom a rollout is compared with: all others by exp(reward), all alike, or the right ones."""
    cosine: Cosine = "squared"
    """What of a direction counts as the same: the cosine's square, its size, or its square where it is positive."""
    clip: Annotated[float, Range(least=1)] = 3.0
    """Bound on the shaped reward, whose size is 1 before."""

    def controls(self) -> tuple[Strategy, ...]:
        """Return the same bonus, shuffled."""
        from strategies.controls.noise_novelty import NoiseNovelty

        return (NoiseNovelty(of=self),)

    def needs(self) -> frozenset[SignalName]:
        """Ask for Φ, or for what stands in its place."""
        return self.features.needs() if self.strength > 0 else frozenset()

    def factor(self, signed: Tensor, scaled_novelty: Tensor) -> Tensor:
        """Return what `signed` rewards in {−1, +1} are multiplied by."""
        if self.form == "literal":
            return 1 + self.strength * signed * scaled_novelty
        if self.form == "prose":
            return 1 + self.strength * scaled_novelty
        return 1 + self.strength * (2 * scaled_novelty - 1)

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Shape the rewards, then standardise them as GRPO does."""
        if self.strength == 0:
            return None, state
        signed = rollouts.grouped(2 * rollouts.rewards - 1)
        angles = cosines(rollouts.grouped(self.features.of(rollouts)))
        raw = novelty(angles, signed, self.reference, self.cosine)
        shaped = (signed * self.factor(signed, min_max(raw))).clamp(-self.clip, self.clip).reshape(-1)
        advantages = standardised(rollouts, (shaped + 1) / 2, self.uniform_group)
        pairs = ~torch.eye(rollouts.group_size, dtype=torch.bool, device=raw.device)
        diagnostics = {
            "novelty": raw.mean().item(),
            "cosine": angles[:, pairs].mean().item(),
            "negative_cosine_pairs": (angles[:, pairs] < 0).float().mean().item(),
            "advantage_moved": (advantages - rollouts.advantages).abs().mean().item(),
        }
        once = torch.triu_indices(rollouts.group_size, rollouts.group_size, offset=1, device=raw.device)
        return Shaped(
            advantages=advantages,
            diagnostics=diagnostics,
            columns={"signal": raw.reshape(-1)},
            cosines={pairs_of(self.signal): angles[:, once[0], once[1]]},
        ), state
