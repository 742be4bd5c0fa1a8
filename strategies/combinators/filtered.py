"""Filtered: another strategy whose bonus is taken back where its signal is noise, or where it would hardly matter.

A rollout's update direction is a mean over tokens. If half of the tokens say one thing and the other half another, the
direction is an accident, and so is any bonus that hangs on it. And where direction times advantage is next to nothing,
a bonus decides about nothing. In both cases the rollout keeps what plain GRPO gives it.

Formula:
    reliability ρ_i = 2c / (1 + c), c = max(0, cos(Φ_i^even, Φ_i^odd)), Φ over the tokens at even and at odd positions:
    the split-half correlation, stepped up to the whole (Spearman-Brown). impact m_i = |Φ_i| |A_i|, A plain GRPO's.
    A_i' = A_i where ρ_i < `least_reliability` or m_i < `least_impact` · mean m; else the inner strategy's.
    Without a given least_reliability the batch's own noise floor: the 95% point of the same number for halves of
    rollouts of different prompts, which agree only in what all rollouts share.

Source:
    Ours. Spearman 1910 and Brown 1910 for the step-up.

Defaults:
    The batch's own noise floor, and a tenth of the mean impact.

Known defects:
    Neighbouring tokens depend on each other, so halves agree more than two independent answers' halves would: ρ is an
    upper bound. A completion of one token has no second half, and ρ = 0. GRPO's advantage is 0 in groups of one reward,
    so there impact is 0 and every bonus is taken back, unless least_impact is 0. A batch of one prompt has no floor.
    Prompts, sampling and settings of the inner strategy are not filtered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from strategies.contract import State, Strategy
from strategies.gradient.measures import gradient_norm
from strategies.parameters import Range
from strategies.rewards.bonus import generator_of
from strategies.rollouts import Rollouts, Shaped, TokenBatch
from strategies.signals import SignalName
from strategies.wrapper import Wrapper

PART = "filter"
"""What the filter's signals are charged to."""
SIGNALS: frozenset[SignalName] = frozenset({"gradient_features", "split_features"})
FLOOR_QUANTILE = 0.95


def stepped_up(correlation: Tensor) -> Tensor:
    """Return the reliability of a whole from the correlation of its halves; 0 where that is negative.

    References:
        Spearman 1910, Brown 1910.
    """
    positive = correlation.clamp(min=0)
    return 2 * positive / (1 + positive)


def reliability(halves_B2D: Tensor) -> Tensor:
    """Return ρ (B,), how much of a feature its tokens agree on, from its means over even and over odd positions."""
    return stepped_up(cosine_similarity(halves_B2D[:, 0], halves_B2D[:, 1], dim=1))


def noise_floor(halves_B2D: Tensor, group_size: int) -> float:
    """Return the 95% point of ρ between halves of rollouts of different prompts; 0 if there is one prompt."""
    groups = torch.arange(len(halves_B2D), device=halves_B2D.device) // group_size
    apart = groups.unsqueeze(1) != groups
    if not apart.any():
        return 0.0
    even, odd = (normalize(halves_B2D[:, half], dim=1) for half in (0, 1))
    return float(torch.quantile(stepped_up(even @ odd.T)[apart], FLOOR_QUANTILE))


@dataclass(frozen=True, kw_only=True)
class Filtered(Wrapper):
    """Run `strategy`, its bonus taken back where the signal is noise; the module says the rest."""

    family: ClassVar[str] = "gradient-guided"
    summary: ClassVar[str] = "another strategy, its bonus taken back where the signal is noise"

    strategy: Strategy
    """The strategy whose bonus is filtered."""
    least_reliability: Annotated[float | None, Range(least=0, most=1)] = None
    """ρ below which a bonus is taken back; None: the batch's own noise floor, and 0: never."""
    least_impact: Annotated[float, Range(least=0)] = 0.1
    """Impact, by the batch's mean, below which a bonus is taken back; 0: never."""
    choose: Literal["signal", "random"] = "signal"
    """Whether these rollouts are filtered, or (the control) as many others, chosen by lot."""

    @property
    def inner(self) -> Strategy:
        """The strategy whose bonus is filtered."""
        return self.strategy

    @property
    def _filters(self) -> bool:
        return self.least_reliability != 0 or self.least_impact != 0

    def controls(self) -> tuple[Strategy, ...]:
        """Return the whole, shuffled, and as many rollouts filtered by lot; none, if that is what it does."""
        from strategies.controls.noise_novelty import shuffled

        if self.choose == "random":
            return ()
        by_lot = (replace(self, choose="random"),) if self._filters else ()
        return *shuffled(self, (self.strategy,)), *by_lot

    def needs(self) -> frozenset[SignalName]:
        """Ask for what the inner strategy asks for, and for both halves of Φ."""
        return super().needs() | (SIGNALS if self._filters else frozenset())

    def asked(self) -> Mapping[str, frozenset[SignalName]]:
        """Charge the filter for its own."""
        return {**super().asked(), PART: SIGNALS} if self._filters else super().asked()

    def init(self) -> State:
        """Hold the inner state, and which rollouts of the batch are filtered."""
        return {**super().init(), "filtered": torch.zeros(0, dtype=torch.bool)}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Give filtered rollouts plain GRPO's advantages back."""
        shaped, state = super().shape(rollouts, state)
        if not self._filters:
            return shaped, state
        with rollouts.charge(PART):
            filtered, told = self.judged(rollouts)
        state = {**state, "filtered": filtered.cpu()}
        shaped = shaped or Shaped(advantages=rollouts.advantages)
        advantages = _taken_back(shaped.advantages, rollouts.advantages, filtered)
        columns = {**shaped.columns, "filtered": filtered.float()}
        return Shaped(advantages=advantages, diagnostics={**shaped.diagnostics, **told}, columns=columns), state

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        """Take back what the inner strategy does to tokens of filtered rollouts."""
        shaped = super().weigh(tokens, state)
        if shaped is None or not self._filters or not len(tokens.rows):
            return shaped
        filtered = state["filtered"].to(tokens.rows.device)[tokens.rows]
        return replace(shaped, advantages=_taken_back(shaped.advantages, tokens.advantages, filtered))

    def judged(self, rollouts: Rollouts) -> tuple[Tensor, dict[str, float]]:
        """Return which rollouts are filtered (B,) bool, and what the log is told of it."""
        halves = rollouts.signals["split_features"]
        reliable, least = reliability(halves), self.least_reliability
        if least is None:
            least = noise_floor(halves, rollouts.group_size)
        impact = gradient_norm(rollouts.signals["gradient_features"]) * rollouts.advantages.abs()
        noisy, slight = reliable < least, impact < self.least_impact * impact.mean()
        filtered = noisy | slight
        if self.choose == "random":
            order = torch.randperm(len(filtered), generator=generator_of(rollouts))
            filtered = filtered[order.to(filtered.device)]
        return filtered, {
            "filtered": filtered.float().mean().item(),
            "filtered_unreliable": noisy.float().mean().item(),
            "filtered_slight": slight.float().mean().item(),
            "reliability": reliable.mean().item(),
            "noise_floor": least,
        }


def _taken_back(theirs: Tensor, plain: Tensor, filtered: Tensor) -> Tensor:
    """Return `theirs` (B,) or (B, T) with `plain` in the rows that are `filtered`."""
    if theirs.dim() == 2:
        filtered = filtered.unsqueeze(1)
        plain = plain if plain.dim() == 2 else plain.unsqueeze(1)
    return torch.where(filtered, plain, theirs)
