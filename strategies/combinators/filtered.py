"""Filtered: another strategy whose bonus is taken back where its signal is noise, or where it would hardly matter.

A bonus hangs on what a rollout's direction is like. If one half of what is known of the direction says something else
than the other half, it is an accident, and so is the bonus. And where direction times advantage is next to nothing, a
bonus decides about nothing. In both cases the rollout keeps what plain GRPO gives it.

Formula:
    reliability ρ_i = 2c / (1 + c), c = max(0, the agreement of two halves): their correlation, stepped up to the whole
    (Spearman-Brown). cosines: the halves are the rollout's cosines to the others of its group in two disjoint halves of
    the inner strategy's features. tokens: Φ over the tokens at even, and over those at odd positions.
    impact m_i = |Φ_i| |A_i|, A plain GRPO's.
    A_i' = A_i where ρ_i < `least_reliability` or m_i < `least_impact` · mean m; else the inner strategy's.
    Without a given least_reliability the batch's own noise floor: a quantile of the same number for halves of rollouts
    of different prompts, whose agreement is chance.

Source:
    Ours. Spearman 1910 and Brown 1910 for the step-up.

Defaults:
    By cosines, the batch's own noise floor at 95%, and a tenth of the mean impact.

Known defects:
    tokens: halves of an answer that the policy sampled itself agree on nothing, in expectation exactly: given what
    stands before it, a token's φ has mean zero under the policy, so E[φ_s · φ_t] = 0 for s ≠ t, whatever the rollout is
    worth. What passes is chance (`docs/gradient.md` has it measured); it is here to be looked at, and for rollouts of
    another policy. cosines: tells noise in the features from structure, and not whether the structure is worth
    anything; a group of two or three has no pattern, and is refused. GRPO's advantage is 0 in groups of one reward, so
    there impact is 0 and every bonus is taken back, unless least_impact is 0. A batch of one prompt has no floor.
    Prompts, sampling and settings of the inner strategy are not filtered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from strategies.contract import State, Strategy
from strategies.gradient.features import features_of, pairs_of
from strategies.gradient.measures import gradient_norm
from strategies.gradient.reliability import LEAST_GROUP, cosine_profiles, noise_floor, reliability
from strategies.parameters import Range
from strategies.rewards.bonus import generator_of
from strategies.rollouts import Rollouts, Shaped, TokenBatch
from strategies.run import RunSettings
from strategies.signals import SignalName
from strategies.watches.measures import pairwise_cosines
from strategies.wrapper import Wrapper

PART = "filter"
"""What the filter's signals are charged to."""


@dataclass(frozen=True, kw_only=True)
class Filtered(Wrapper):
    """Run `strategy`, its bonus taken back where the signal is noise; the module says the rest."""

    family: ClassVar[str] = "gradient-guided"
    summary: ClassVar[str] = "another strategy, its bonus taken back where the signal is noise"

    strategy: Strategy
    """The strategy whose bonus is filtered."""
    by: Literal["cosines", "tokens"] = "cosines"
    """What reliability is read from: cosines in two halves of the features, or Φ over two halves of the tokens."""
    least_reliability: Annotated[float | None, Range(least=0, most=1)] = None
    """ρ below which a bonus is taken back; None: the batch's own noise floor, and 0: never."""
    floor_quantile: Annotated[float, Range(least=0, most=1)] = 0.95
    """Of what rollouts of different prompts have in common, the share that lies below the batch's noise floor."""
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

    @property
    def _signals(self) -> frozenset[SignalName]:
        if not self._filters:
            return frozenset()
        halves = features_of(self.strategy).needs() if self.by == "cosines" else frozenset({"split_features"})
        return halves | {"gradient_features"}

    def needs(self) -> frozenset[SignalName]:
        """Ask for what the inner strategy asks for, and for what the filter reads."""
        return super().needs() | self._signals

    def asked(self) -> Mapping[str, frozenset[SignalName]]:
        """Charge the filter for its own."""
        return {**super().asked(), PART: self._signals} if self._filters else super().asked()

    def check(self, run: RunSettings) -> None:
        """Refuse groups whose cosines have no pattern."""
        if self._filters and self.by == "cosines" and run.group_size < LEAST_GROUP:
            raise ValueError(
                f"filtered by cosines compares a rollout's cosines to the others of its group, and with "
                f"training.group_size {run.group_size} there are too few. Set it to {LEAST_GROUP} or more"
            )
        super().check(run)

    def init(self) -> State:
        """Hold the inner state, and which rollouts of the batch are filtered."""
        return {**super().init(), "filtered": torch.zeros(0, dtype=torch.bool)}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Give filtered rollouts plain GRPO's advantages back."""
        drawn = None if rollouts.generator is None else rollouts.generator.get_state()
        shaped, state = super().shape(rollouts, state)
        if not self._filters:
            return shaped, state
        with rollouts.charge(PART):
            profiles, seen = self._profiles(rollouts, drawn)
            filtered, told = self.judged(rollouts, profiles)
        state = {**state, "filtered": filtered.cpu()}
        shaped = shaped or Shaped(advantages=rollouts.advantages)
        advantages = _taken_back(shaped.advantages, rollouts.advantages, filtered)
        columns = {**shaped.columns, "filtered": filtered.float()}
        diagnostics, cosines = {**shaped.diagnostics, **told}, {**seen, **shaped.cosines}
        return Shaped(advantages=advantages, diagnostics=diagnostics, columns=columns, cosines=cosines), state

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        """Take back what the inner strategy does to tokens of filtered rollouts."""
        shaped = super().weigh(tokens, state)
        if shaped is None or not self._filters or not len(tokens.rows):
            return shaped
        filtered = state["filtered"].to(tokens.rows.device)[tokens.rows]
        return replace(shaped, advantages=_taken_back(shaped.advantages, tokens.advantages, filtered))

    def _profiles(self, rollouts: Rollouts, drawn: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Return both halves (B, 2, K) of what is known of each rollout, and the cosines that they are halves of.

        Args:
            rollouts: Whose they are.
            drawn: The generator before the bonus.
        """
        if self.by == "tokens":
            return rollouts.signals["split_features"], {}
        if drawn is not None:  # features that are drawn are those that the bonus was made from
            rollouts = replace(rollouts, generator=torch.Generator())
            generator_of(rollouts).set_state(drawn)
        kind = features_of(self.strategy)
        features = kind.of(rollouts)
        cosines = {pairs_of(kind.kind): pairwise_cosines(rollouts.grouped(features))}
        return cosine_profiles(features, rollouts.group_size), cosines

    def judged(self, rollouts: Rollouts, profiles_B2K: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Return which rollouts are filtered (B,) bool, and what the log is told of it."""
        reliable, least = reliability(profiles_B2K), self.least_reliability
        if least is None:
            least = noise_floor(profiles_B2K, rollouts.group_size, self.floor_quantile)
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
