"""Alignment bonus: reward the rollouts whose update points where the target's does.

The target is what the right answers of the group would teach, or what would make the policy better on validation
problems: their policy gradient, sampled anew every few batches, paid for as selection.

Formula:
    r_i' = r_i + λ a_i, a_i = cos(f_i, g) or f_i · g by its largest size in the batch, negated for `direction: away`;
    f_i the gradient of the rollout's mean log-probability (`signal`).
    correct: g = mean of the unit f_j over the right j ≠ i of the group, and a_i = 0 where there is none.
    validation: g = mean over validation problems of Σ_j A_j T_j f_j / Σ_j T_j, A_j = r_j − mean r, T_j tokens.

Source:
    Ours, put together from influence by inner products of gradients (Pruthi et al. 2020, TracIn, arXiv 2002.08484) and
    GradAlign's validation gradient (arXiv 2602.21492).

Defaults:
    λ = 0.3, towards what is right, by cosine, of Φ; 16 validation problems of 8 rollouts every 5 batches.

Known defects:
    With `correct` it rewards likeness among right answers, as GAR does, and wrong answers that are like them too: what
    differs little from a right answer may be wrong all the same. A validation gradient of few rollouts is mostly noise,
    and problems that are never or always solved give none; then the bonus is zero. The bonus can't tell a rollout that
    is aligned because it is short from one that is aligned because it is good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from strategies.contract import State
from strategies.gradient.features import ByFeatures
from strategies.gradient.measures import UniformGroup, alignment, others_right, standardised
from strategies.gradient.prompt_gradients import prompt_gradients
from strategies.gradient.validation import require_suite
from strategies.parameters import Range
from strategies.pool import PromptPool
from strategies.rewards.bonus import Bonus, moved
from strategies.rollouts import Rollouts, Shaped
from strategies.run import RunSettings
from strategies.signals import SignalName


@dataclass(frozen=True, kw_only=True)
class AlignmentBonus(ByFeatures, Bonus):
    """A bonus for rollouts that pull the policy to a target; the module says the rest."""

    family: ClassVar[str] = "gradient-guided"
    summary: ClassVar[str] = "rewards rollouts whose gradients point to a target gradient"

    strength: Annotated[float, Range(least=0, most=10)] = 0.3
    """λ; 0 is plain GRPO."""
    target: Literal["correct", "validation"] = "correct"
    """Whose gradient is the target: the right answers' of the group, or that of validation problems."""
    direction: Literal["towards", "away"] = "towards"
    """Whether the target attracts or repels."""
    by: Literal["cosine", "dot"] = "cosine"
    """Whether a long gradient counts for more."""
    uniform_group: UniformGroup = "shape"
    """Groups whose rewards are all the same: shaped, left alone, or not divided by their spread."""
    suite: str = "countdown-validation"
    """Where the validation problems are from; none that the plan reports."""
    every_batches: Annotated[int, Range(least=1)] = 5
    """Batches that one validation gradient lasts for."""
    validation_problems: Annotated[int, Range(least=1)] = 16
    """Problems of the suite, drawn anew each time."""
    validation_rollouts: Annotated[int, Range(least=2)] = 8
    """Rollouts of each."""

    def needs(self) -> frozenset[SignalName]:
        """Ask for what stands for a gradient."""
        return self.features.needs() if self.strength > 0 else frozenset()

    @property
    def _samples(self) -> bool:
        return self.target == "validation" and self.strength > 0

    def check(self, run: RunSettings) -> None:
        """Refuse a suite that is reported or unknown."""
        if self._samples:
            require_suite(self.suite, run)

    def init(self) -> State:
        """Hold the validation gradient, empty before the first one."""
        return {"target": torch.zeros(0)} if self._samples else {}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[Sequence[int] | None, State]:
        """Take the prompts as they come; sample the validation gradient when it is time."""
        if not self._samples or (state["target"].numel() and pool.step % self.every_batches):
            return None, state
        start = int(torch.randint(2**31, (1,), generator=pool.generator))
        problems = range(start, start + self.validation_problems)
        looked = pool.look(problems, self.validation_rollouts, self.features.needs(), suite=self.suite)
        gradients = prompt_gradients(self.features.of(looked), looked, by_length=True)
        return None, {**state, "target": gradients.mean(dim=0)}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Add the bonus to the rewards, and standardise."""
        if self.strength == 0:
            return None, state
        features = self.features.of(rollouts)
        target = self._target(features, rollouts, state)
        aligned = self.aligned(features, target)
        advantages = standardised(rollouts, rollouts.rewards + self.strength * aligned, self.uniform_group)
        diagnostics = {
            "alignment": aligned.mean().item(),
            "against": (aligned < 0).float().mean().item(),
            "advantage_moved": moved(rollouts, advantages),
        }
        columns, cosines = {"signal": aligned}, self._cosines(features, target)
        return Shaped(advantages=advantages, diagnostics=diagnostics, columns=columns, cosines=cosines), state

    def _target(self, features: Tensor, rollouts: Rollouts, state: State) -> Tensor:
        if self.target == "correct":
            return others_right(features, rollouts)[0]
        target: Tensor = state["target"]
        return target.to(features.device)

    def _cosines(self, features: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the cosines, whatever the bonus makes of them; none where there is no target."""
        to = "the mean of the other right ones" if self.target == "correct" else "the validation gradient"
        has_target = (target != 0).any(dim=-1).expand(len(features))
        return {f"rollouts and {to}": alignment(features, target)[has_target]}

    def aligned(self, features: Tensor, target: Tensor) -> Tensor:
        """Return a (B,), in [−1, 1]."""
        sign = 1.0 if self.direction == "towards" else -1.0
        found = sign * alignment(features, target, self.by)
        largest = found.abs().max()
        return found / largest if self.by == "dot" and largest > 0 else found
