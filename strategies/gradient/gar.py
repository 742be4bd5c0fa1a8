"""GAR: among the right answers, reward those whose update agrees with what the other right ones teach.

Gradient-guided like G2RL, and its opposite: it converges. Each answer is summed up by what its tokens would change at
the LM head, weighed by what was active there; the more a right answer agrees with the others, the more it is worth.

Formula:
    S_t = G_t ⊙ h_t, G_t the gradient of log p(y_t) by the hidden state h_t at the LM head; v = mean_t S_t, unit length;
    b_i = cos(v_i, v*), v* the mean of v_j over the right j ≠ i of the group;
    r_i' = 1 + β max(0, b_i − mean of b over the right) for right answers; wrong ones keep r = 0.

Source:
    Zheng et al. 2026, "Gradients Know What Outcomes Don't" (GAR). Its code was announced and not to be had; the formula
    is that of the paper with an expert's worked solution as v*.

Defaults:
    β = 0.5, theirs.

Known defects:
    Theirs compares with an expert's solution. Tasks with verified answers have none, so the other right answers stand
    in its place: it can't teach what no rollout has found. A group with fewer than two right answers is left alone.
    Theirs cuts answers into spans of 768 tokens and has two thresholds (0.05, 0.7) whose use was not found; here an
    answer is one span. In groups that are all right, standardising gives what little the bonus moves full weight,
    unless `uniform_group` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from strategies.contract import State
from strategies.gradient.measures import UniformGroup, alignment, others_right, standardised
from strategies.parameters import Range
from strategies.rewards.bonus import Bonus, moved
from strategies.rollouts import Rollouts, Shaped
from strategies.signals import SignalName

COSINES = "right answers and the mean of the other right ones"
"""What the log calls the cosines that decide."""


@dataclass(frozen=True, kw_only=True)
class Gar(Bonus):
    """A bonus for right answers that agree with the other right ones; the module says the rest."""

    family: ClassVar[str] = "gradient-guided"
    summary: ClassVar[str] = "rewards right answers whose updates agree with other right ones (GAR)"

    strength: Annotated[float, Range(least=0, most=10)] = 0.5
    """β; 0 is plain GRPO."""
    uniform_group: UniformGroup = "shape"
    """Groups that are all right: shaped like any, left at zero advantage as GRPO does, or not divided by a spread."""

    def needs(self) -> frozenset[SignalName]:
        """Ask for the mean of gradient times activation."""
        return frozenset({"gradient_activations"}) if self.strength > 0 else frozenset()

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Raise the rewards of the right answers that agree more than the mean, and standardise."""
        if self.strength == 0:
            return None, state
        agreement, counts = agreements(rollouts)
        rewards = rollouts.rewards + self.strength * bonus(rollouts, agreement)
        advantages = standardised(rollouts, rewards, self.uniform_group)
        known = agreement[counts > 0]
        diagnostics = {
            "agreement": known.mean().item() if known.numel() else 0.0,
            "advantage_moved": moved(rollouts, advantages),
        }
        return Shaped(
            advantages=advantages,
            diagnostics=diagnostics,
            columns={"signal": agreement},
            cosines={COSINES: agreement[(counts > 0) & (rollouts.rewards > 0)]},
        ), state


def agreements(rollouts: Rollouts) -> tuple[Tensor, Tensor]:
    """Return b (B,), each rollout's agreement with the right others of its group, and how many those are (B,)."""
    vectors = rollouts.signals["gradient_activations"]
    target, counts = others_right(vectors, rollouts)
    return alignment(vectors, target), counts


def bonus(rollouts: Rollouts, agreement: Tensor) -> Tensor:
    """Return max(0, b − mean of b over the right of the group) (B,); zero for wrong answers and lone right ones."""
    b_PG, right = rollouts.grouped(agreement), rollouts.grouped(rollouts.rewards) > 0
    mean = torch.where(right, b_PG, 0).sum(dim=1, keepdim=True) / right.sum(dim=1, keepdim=True).clamp(min=1)
    above = torch.where(right, (b_PG - mean).clamp(min=0), 0)
    return above.reshape(-1)
