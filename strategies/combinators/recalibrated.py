"""Recalibrated: another strategy whose bonus is scaled by the evidence that its signal is true and that it pays.

Every few batches the signal is audited on rollouts that are thrown away: do its cosines rank the cosines of the true
gradients? And what was given so far is held against what followed: did more bonus go with more gain? The bonus grows
and shrinks with the answers, down to nothing, and the log says so. All that the audits sample and compute is charged.

Formula:
    A' = A + s · (A_inner − A), A what plain GRPO would use, for rollouts and for single tokens; s = fidelity · payoff.
    fidelity = max(0, ρ) if p <= α, else 0: ρ the mean within-group Spearman correlation of the signal's cosines with
    those of the projected true gradients, over pairs of different rollouts; p its one-sided chance by Mantel's test.
    payoff = 0 if the 95% upper end of r is below 0, by one side of Fisher's z, else 1; and 1 while there are fewer than
    `least_pairs` observations, or the bonus never changed. r is the correlation of the bonus with the change that
    followed, given the level before it (what is high falls back by itself): step by step, mean |A' − A| of a batch with
    the change of the mean reward to the next; and audit by audit, the sum of those means with the change of accuracy on
    the same validation problems. Either can say 0.

Source:
    None that we know of. Mantel 1967 for the test; the partial correlation's z has standard error 1 / √(n − 4).

Defaults:
    Ours: audits every 10 batches from the first on, 8 prompts of 8 rollouts; 32 validation problems of 2 rollouts. With
    128 rollouts a batch that is a tenth more sampling.

Known defects:
    ρ is measured against a projection of the gradient, which is noisy itself, and so understates the signal's fidelity;
    and it is of signed cosines, whatever the inner strategy makes of them (g2rl squares them).
    Steps are noisy and their changes correlate with each other, so payoff is weak evidence and mostly stays 1; it is
    looked at again and again, so over a long run it will fall to 0 by chance now and then. Once s is 0 batches without
    bonus fill the window, and when no other is left in it the bonus is tried again. What bonus there is in single
    tokens (`weigh`) is scaled, but not seen by payoff. Settings, sampling and prompts of the inner strategy are not
    scaled. Around a strategy that rewards something else than the audited signal, fidelity says nothing: use
    `evidence: payoff`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from torch import Tensor

from strategies.combinators.evidence import in_words, payoff
from strategies.contract import State, Strategy
from strategies.gradient.agreement import Agreement, cosine_matrices, distinct, mantel
from strategies.gradient.features import Feature, Features, features_of
from strategies.gradient.validation import require_suite
from strategies.parameters import Range
from strategies.pool import PromptPool
from strategies.progress import Event, Progress
from strategies.rollouts import Rollouts, Shaped, TokenBatch
from strategies.run import RunSettings
from strategies.signals import Layers, projected_gradient
from strategies.wrapper import Wrapper

PART = "recalibration"
"""What audits are charged to."""
OBSERVED = {"reward": "steps", "validation": "gains"}
"""What payoff is judged by, and where the state keeps it."""


@dataclass(frozen=True, kw_only=True)
class Recalibrated(Wrapper):
    """Run `strategy` with its bonus scaled by evidence; the module says the rest."""

    family: ClassVar[str] = "gradient-guided"
    summary: ClassVar[str] = "another strategy, its bonus scaled by audits of its signal and payoff"

    strategy: Strategy
    """The strategy whose bonus is scaled. Around one that has none nothing is audited, and this is that strategy."""
    every_batches: Annotated[int, Range(least=1)] = 10
    """Batches between audits."""
    first_batch: Annotated[int, Range(least=0)] = 0
    """Batch of the first audit, the first batch being 0. Beyond the end of the run, and with start 1, this is the inner
    strategy exactly."""
    start: Annotated[float, Range(least=0, most=1)] = 1.0
    """s until the first audit."""
    evidence: Literal["fidelity", "payoff", "both"] = "both"
    """What the bonus is scaled by."""
    signal: Literal["inner"] | Feature = "inner"
    """What is audited: what the inner strategy uses (Φ if it doesn't say), or another feature."""
    problems: Annotated[int, Range(least=1)] = 8
    """Due prompts that an audit looks at, at most as many as a batch has."""
    rollouts: Annotated[int, Range(least=3)] = 8
    """Rollouts of each."""
    dimension: Annotated[int, Range(least=1)] = 1024
    """Numbers of each layer's projected true gradient."""
    layers: Layers = "body"
    """Layers of the true gradient."""
    alpha: Annotated[float, Range(above=0, most=1)] = 0.05
    """α, the chance at which a correlation counts."""
    permutations: Annotated[int, Range(least=19)] = 999
    """Permutations of Mantel's test."""
    suite: str = "countdown-validation"
    """Where validation problems are from, none that the plan reports; "" for no validation."""
    validation_problems: Annotated[int, Range(least=1)] = 32
    """Problems of the suite, the same in every audit."""
    validation_rollouts: Annotated[int, Range(least=1)] = 2
    """Rollouts of each."""
    window: Annotated[int, Range(least=6)] = 50
    """Latest observations of either kind that payoff is judged by."""
    least_pairs: Annotated[int, Range(least=6)] = 8
    """Observations without which payoff is taken for granted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.least_pairs > self.window:
            raise ValueError(
                f"least_pairs {self.least_pairs} is more than window {self.window} holds: payoff would never be "
                "judged; lower least_pairs or raise window"
            )

    @property
    def inner(self) -> Strategy:
        """The strategy whose bonus is scaled."""
        return self.strategy

    @property
    def audited(self) -> Features:
        """What the audit holds against the true gradient."""
        if self.signal != "inner":
            return Features(kind=self.signal, dimension=self.dimension, layers=self.layers)
        return features_of(self.strategy)

    @property
    def _has_bonus(self) -> bool:
        kind = type(self.strategy)
        return kind.shape is not Strategy.shape or kind.weigh is not Strategy.weigh

    def controls(self) -> tuple[Strategy, ...]:
        """Return the whole, shuffled, if the inner strategy has a bonus to shuffle."""
        from strategies.controls.noise_novelty import shuffled

        return shuffled(self, (self.strategy,))

    def check(self, run: RunSettings) -> None:
        """Refuse a suite that is reported or unknown."""
        if self.suite and self.evidence != "fidelity" and self._has_bonus:
            require_suite(self.suite, run)
        super().check(run)

    def init(self) -> State:
        """Hold the inner state, the scale, the last audit, and what was observed."""
        found = {"fidelity": 0.0, "fidelity_p": 1.0, "payoff": 1.0, "scale": self.start}
        steps: State = {"steps": [], "last": []}  # of the batch before: its bonus and mean reward
        audits = {"gains": [], "given": 0.0, "accuracy": []}  # of the audit before, empty before the first
        return {**super().init(), **found, **steps, **audits, "note": ""}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[Sequence[int] | None, State]:
        """Audit if it is time, then pick as the inner strategy does."""
        since = pool.step - self.first_batch
        if self._has_bonus and since >= 0 and since % self.every_batches == 0:
            state = self._audit(pool.of(PART), state)
        return super().pick_prompts(pool, state)

    def _audit(self, pool: PromptPool, state: State) -> State:
        scale, said = 1.0, []
        if self.evidence != "payoff":
            found = self._fidelity(pool)
            fidelity = max(0.0, found.rho) if found.p <= self.alpha else 0.0
            state = {**state, "fidelity": found.rho, "fidelity_p": found.p}
            scale *= fidelity
            chance = f"p {found.p:.3f}, {found.pairs} pairs"
            said.append(f"{self.audited.kind} ranks true gradients with rho {found.rho:.2f} ({chance})")
        if self.evidence != "fidelity":
            state = self._validated(pool, state)
            judged = {name: payoff(state[key], self.least_pairs) for name, key in OBSERVED.items()}
            state = {**state, "payoff": float(all(one is None or one.upper >= 0 for one in judged.values()))}
            scale *= state["payoff"]
            said += [in_words(name, one, len(state[OBSERVED[name]])) for name, one in judged.items()]
        return {**state, "scale": scale, "note": f"audit: {'; '.join(said)}; bonus scaled by {scale:.2f}"}

    def _fidelity(self, pool: PromptPool) -> Agreement:
        """Return how well the signal ranks true gradients now."""
        reference = projected_gradient(self.dimension, self.layers)
        due = list(pool.due)[: self.problems]
        looked = pool.look(due, self.rollouts, self.audited.needs() | {reference})
        groups = distinct(looked)
        signal, truth = (
            cosine_matrices(features, groups) for features in (self.audited.of(looked), looked.signals[reference])
        )
        return mantel(signal, truth, permutations=self.permutations, generator=pool.generator)

    def _validated(self, pool: PromptPool, state: State) -> State:
        """Probe the validation problems, and note what their accuracy gained under the bonus given since."""
        if not self.suite:
            return state
        looked = pool.look(range(self.validation_problems), self.validation_rollouts, suite=self.suite)
        accuracy = float(looked.rewards.float().mean())
        gained = [[state["given"], before, accuracy - before] for before in state["accuracy"]]
        gains = [*state["gains"], *gained][-self.window :]
        return {**state, "accuracy": [accuracy], "gains": gains, "given": 0.0}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Scale the inner strategy's departures from plain GRPO, and note what followed the last ones."""
        shaped, state = super().shape(rollouts, state)
        scaled = self._scaled(shaped, rollouts.advantages, state)
        reward, bonus = float(rollouts.rewards.float().mean()), _moved(scaled, rollouts)
        changed = [[given, before, reward - before] for given, before in state["last"]]
        steps = [*state["steps"], *changed][-self.window :]
        return scaled, {**state, "steps": steps, "last": [[bonus, reward]], "given": state["given"] + bonus}

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        """Scale what the inner strategy does to single tokens."""
        return self._scaled(super().weigh(tokens, state), tokens.advantages, state)

    def _scaled(self, shaped: Shaped | None, plain: Tensor, state: State) -> Shaped | None:
        if shaped is None:
            return None
        scale, theirs = state["scale"], shaped.advantages
        plain = plain.unsqueeze(1).expand_as(theirs) if theirs.dim() > plain.dim() else plain
        # At the ends nothing is to be rounded: 1 is the inner strategy, and 0 plain GRPO.
        mixed = theirs if scale == 1 else plain.clone() if scale == 0 else plain + scale * (theirs - plain)
        told = {name: float(state[name]) for name in ("scale", "fidelity", "fidelity_p", "payoff")}
        return replace(shaped, advantages=mixed, diagnostics={**shaped.diagnostics, **told})

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Say what the last audit found, beside the inner strategy's own reactions."""
        events, state = super().react(progress, state)
        if not state["note"]:
            return events, state
        return [*events, Event(kind="note", cause=state["note"])], {**state, "note": ""}


def _moved(shaped: Shaped | None, rollouts: Rollouts) -> float:
    """Return the mean over rollouts of how far their advantages were moved from plain GRPO's."""
    if shaped is None:
        return 0.0
    theirs = shaped.advantages
    if theirs.dim() == 1:
        return float((theirs - rollouts.advantages).abs().mean())
    return float(rollouts.token_mean((theirs - rollouts.advantages.unsqueeze(1)).abs()).mean())
