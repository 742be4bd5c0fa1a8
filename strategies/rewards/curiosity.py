"""Curiosity: a rollout that surprises the policy itself earns a bonus, bounded by its reward.

Surprise is the negative mean log-probability of the rollout's tokens, the logarithm of its perplexity. Confident
mistakes are punished most, right answers by unusual ways rewarded most. The bonus is on early in a run and then taken
away, in one drop or in stairs: the paper found that this matters as much as the bonus.

Formula:
    r̃ = r + ω_t min(|r| / κ, α B), B = −(1/T) Σ_t log π(y_t), r in {−1, +1};
    ω_t = ω (1 − ⌊s t / t₀⌋ / s) for step t < t₀, 0 from t₀ on, with s stairs. Then GRPO's standardisation.

Source:
    Dai et al. 2025, "CDE: Curiosity-Driven Exploration for Efficient Reinforcement Learning in Large Language Models",
    arXiv 2509.09675v1, equations 1 and 2, table 4, appendix D (read). No code is out.

Defaults:
    κ = 3, α = 1 and a staircase, as in table 4. The paper draws its staircase (figure 7) without numbers and says that
    ω falls abruptly after an early phase; one drop at step 150, half of its 300 steps, is this project's reading, and
    so is ω = 1 (appendix D: ω is redundant beside κ and α).

Known defects:
    Rewards here are 0 or 1. Appendix D has r in {−1, +1}, so r = 2 R − 1 is read by default (`signed`); taken as they
    are, a wrong answer would have |r| = 0 and no bonus ever. Appendix D writes κ |r| where equation 2 has |r| / κ; this
    is equation 2. With ω/κ < 1 no reward changes its sign, but standardising pushes a group with equal rewards at full
    strength whatever ω is: a model that solves few problems is mostly paid for being surprised, and the embedded model
    collapses at the defaults. `logp` is taken at the temperature of sampling. One training run in the paper. Its other
    half, a critic with several heads, needs PPO and is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from strategies.contract import State
from strategies.parameters import Range
from strategies.rewards.bonus import Bonus, moved
from strategies.rollouts import Rollouts, Shaped
from strategies.signals import SignalName


@dataclass(frozen=True, kw_only=True)
class Curiosity(Bonus):
    """r + ω min(|r| / κ, α B) with B the mean surprise of a token; the module says the rest."""

    summary: ClassVar[str] = "pays for rollouts that surprise the policy, early in a run (CDE, actor)"

    weight: Annotated[float, Range(least=0)] = 1.0
    """ω before the first drop; 0 is plain GRPO."""
    clip_ratio: Annotated[float, Range(above=0)] = 3.0
    """κ: the bonus is at most |r| / κ."""
    scale: Annotated[float, Range(above=0)] = 1.0
    """α, what a nat of surprise per token is worth."""
    decay_steps: Annotated[int, Range(least=1)] = 150
    """t₀, the optimizer step from which on there is no bonus. The paper gives no number."""
    stairs: Annotated[int, Range(least=1)] = 1
    """s, the number of equal drops by which ω reaches 0."""
    signed: bool = True
    """Whether rewards in [0, 1] are read as r = 2 R − 1, as in the paper; if not, r = R."""

    def needs(self) -> frozenset[SignalName]:
        """Ask for log-probabilities."""
        return frozenset({"logp"})

    def omega(self, step: int) -> float:
        """Return ω at optimizer step `step`."""
        if step >= self.decay_steps:
            return 0.0
        return self.weight * (1 - self.stairs * step // self.decay_steps / self.stairs)

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Add the bounded surprise to the rewards, then standardise."""
        omega = self.omega(rollouts.step)
        if omega == 0:
            return None, state
        surprise = -rollouts.token_mean(rollouts.signals["logp"]).float()
        size = (2 * rollouts.rewards - 1 if self.signed else rollouts.rewards).abs()
        bonus = omega * torch.minimum(size / self.clip_ratio, self.scale * surprise)
        # r = 2 R − 1 is shaped on its own scale and brought back to that of R, where a bonus is worth half.
        advantages = rollouts.normalise(rollouts.rewards + (bonus / 2 if self.signed else bonus))
        diagnostics = {
            "omega": omega,
            "bonus": bonus.mean().item(),
            "surprise_gap": _gap(surprise, rollouts.rewards > 0.5),
            "advantage_moved": moved(rollouts, advantages),
        }
        return Shaped(advantages=advantages, diagnostics=diagnostics, columns={"signal": surprise}), state


def _gap(surprise: Tensor, right: Tensor) -> float:
    """Return how much more wrong answers surprise than right ones, in nats per token; 0 if one kind is missing.

    Its vanishing is what the paper calls calibration collapse.
    """
    if right.all() or not right.any():
        return 0.0
    return (surprise[~right].mean() - surprise[right].mean()).item()
