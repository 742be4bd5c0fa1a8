"""Representation: a rollout is worth more, the further its hidden state stands out of its group.

Each rollout is the mean hidden state of its tokens. Its bonus is the leverage that it would have in a linear regression
on the group: how much of it lies in directions that the others hardly have. It is paid only where some rollout is
right, so that prompts which the model can't solve don't teach it to be odd.

Formula:
    h_i = P h̄_i, centred on the group's mean, in float64; P a fresh sparse random projection in every batch;
    Λ = λ I + Σ_j h_j h_jᵀ over the group; b_i = h_iᵀ Λ⁻¹ h_i in [0, 1); leaving i out of Λ, b_i / (1 − b_i);
    R'_i = R_i + β b_i, b = 0 in groups with no reward at all; then GRPO's standardisation.

Source:
    Tuyls et al. 2025, "Representation-Based Exploration for Language Models", arXiv 2510.11686; the authors'
    verl-project/verl-recipe @48ea0a7, `rep_exp/workers/elliptical_reward_model_worker.py`,
    `rep_exp/reward_manager/elliptical_reward_manager.py` and `rep_exp/train_elliptical.sh` (read). The projection is
    scikit-learn's `SparseRandomProjection` with density 1/√D.

Defaults:
    β = 0.01, λ = 0.01, 32 dimensions (128 for longer answers), leverage: those of the training script. The recipe's
    YAML has others, which its script overrides: leave one out, 512 dimensions, β = 1.

Known defects:
    With at least G − 1 dimensions and states far apart beside √λ, every leverage is (G − 1)/G and the bonus says
    nothing. 8 rollouts in 32 dimensions come near it: measured on the tiny model (states 2.4 from their group's mean),
    the bonus deviates by less than 0.0004 within a group and moves advantages by as little; λ near the squared distance
    gives it a say. `bonus_spread` in the log shows it. Leaving one out isn't bounded by 1. Groups that are all right
    keep their bonus; once it deviates by more than the 1e-4 beside the standard deviation, standardising rescales it to
    full strength whatever β is. The recipe's states are those at each token, here those each token was predicted from.
    The paper found small models to benefit less, or to suffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Annotated, ClassVar, Literal

import torch
from torch import Generator, Tensor

from strategies.contract import State
from strategies.parameters import Range
from strategies.rewards.bonus import Bonus, generator_of, moved
from strategies.rollouts import Rollouts, Shaped
from strategies.run import RunSettings
from strategies.signals import SignalName


@dataclass(frozen=True, kw_only=True)
class Representation(Bonus):
    """R + β times the leverage of the mean hidden state within its group; the module says the rest."""

    summary: ClassVar[str] = "pays for hidden states that stand out of their group (RepExp)"

    weight: Annotated[float, Range(least=0)] = 0.01
    """β, what full leverage is worth in reward; 0 is plain GRPO."""
    regulariser: Annotated[float, Range(above=0)] = 0.01
    """λ, added to the diagonal of the group's scatter matrix, in squared units of the hidden state."""
    dims: Annotated[int, Range(least=1)] = 32
    """Dimensions after the random projection."""
    leave_one_out: bool = False
    """Whether a rollout is measured against the others only."""
    hidden: Literal["reference", "policy"] = "reference"
    """Whose hidden states: the model that training started from (the paper), or the policy as it is."""

    def needs(self) -> frozenset[SignalName]:
        """Ask for the hidden states of one of the two models."""
        return frozenset({"reference_hidden" if self.hidden == "reference" else "hidden"})

    def check(self, run: RunSettings) -> None:
        """Refuse groups with nothing to stand out of.

        Raises:
            ValueError: If groups have fewer than three rollouts.
        """
        if self.weight > 0 and run.group_size < 3:
            raise ValueError(
                f"representation: groups have {run.group_size} rollouts, and two centred states always have the same "
                "leverage; it would do nothing. Choose groups of at least 3"
            )

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Project, measure leverage in each group, add it, standardise."""
        if self.weight == 0:
            return None, state
        hidden = self._states(rollouts)
        projection = sparse_projection(hidden.shape[1], self.dims, generator_of(rollouts)).to(hidden.device)
        bonus_PG = leverage(rollouts.grouped(hidden @ projection).double(), self.regulariser)
        if self.leave_one_out:
            bonus_PG = bonus_PG / (1 - bonus_PG)
        unsolved = rollouts.grouped(rollouts.rewards).sum(dim=1, keepdim=True) == 0
        bonus_PG = torch.where(unsolved, torch.zeros_like(bonus_PG), bonus_PG).float()
        advantages = rollouts.normalise(rollouts.rewards + self.weight * bonus_PG.reshape(-1))
        diagnostics = {
            "bonus": self.weight * bonus_PG.mean().item(),
            "bonus_spread": self.weight * bonus_PG.std(dim=1).mean().item(),
            "advantage_moved": moved(rollouts, advantages),
        }
        return Shaped(advantages=advantages, diagnostics=diagnostics, columns={"signal": bonus_PG.reshape(-1)}), state

    def _states(self, rollouts: Rollouts) -> Tensor:
        if self.hidden == "reference":
            return rollouts.signals["reference_hidden"].float()
        return rollouts.token_mean(rollouts.signals["hidden"]).float()


def sparse_projection(size: int, dims: int, generator: Generator) -> Tensor:
    """Return a random (size, dims) matrix that keeps lengths in expectation; 1 − 1/√size of its entries are zero.

    References:
        Li, Hastie & Church 2006, "Very sparse random projections": ±√(s / dims) with probability 1/(2s) each and
        s = √size.
    """
    density = 1 / sqrt(size)
    drawn = torch.rand(size, dims, generator=generator)
    signs = (drawn < density / 2).float() - (drawn >= 1 - density / 2).float()
    return signs / sqrt(density * dims)


def leverage(states_PGD: Tensor, regulariser: float) -> Tensor:
    """Return h_iᵀ (λ I + Σ_j h_j h_jᵀ)⁻¹ h_i for the states of each group, centred on it, (P, G).

    It is the diagonal of K (K + λ I)⁻¹ with K the group's Gram matrix, of size G instead of D.
    """
    centred = states_PGD - states_PGD.mean(dim=1, keepdim=True)
    gram = centred @ centred.transpose(1, 2)
    ridge = regulariser * torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    ratio: Tensor = torch.linalg.solve(gram + ridge, gram)
    return ratio.diagonal(dim1=1, dim2=2)
