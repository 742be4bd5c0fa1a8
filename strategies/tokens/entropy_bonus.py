"""Entropy bonus: the loss is lowered by the policy's token entropy.

The policy is paid for being unsure: the gradient of the mean token entropy is added to that of the objective, so that
probability flows back to tokens that the reward alone would starve.

Formula:
    L' = L − β · mean_t H_t, with the gradient flowing through the entropy H_t (nats) of each completion token.

Source:
    Williams & Peng 1991, "Function optimization using connectionist reinforcement learning algorithms"; here TRL's
    `entropy_coef` (TRL 1.16, `GRPOTrainer._compute_loss`).

Defaults:
    β = 0.001, typical for large models (EVOL-RL's scripts list 0, 0.001 and 0.005; verl's default is 0).

Known defects:
    Unstable late: Cheng et al. 2025 (arXiv 2506.14758) saw entropy shoot up after step 1500. It pays for noise in every
    token, useful or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from strategies.contract import SettingValue, Strategy
from strategies.parameters import Range


@dataclass(frozen=True, kw_only=True)
class EntropyBonus(Strategy):
    """L − β · mean_t H_t; the module says the rest."""

    family: ClassVar[str] = "loss and tokens"
    summary: ClassVar[str] = "adds the policy's token entropy to the objective"

    coefficient: Annotated[float, Range(least=0)] = 0.001
    """β, the weight of the mean token entropy (nats) in the loss; 0 is plain GRPO."""

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Set TRL's entropy coefficient."""
        return {"entropy_coef": self.coefficient}
