"""Learning signal: more weight for the rollouts, and a place in the batch for the prompts, with the longest gradients.

What a rollout can teach in one step is, to first order, as much as its gradient is long. Rollouts are weighed by it;
prompts are tried out, and those trained on whose policy gradients are longest.

Formula:
    A_i' = A_i (1 + λ (|f_i| / mean_j |f_j| − 1)), the mean over the batch: the weights' mean is 1.
    The E·P prompts of c·E·P with the largest |g_x|, g_x = Σ_i A_i T_i f_i / Σ_i T_i as in grad_align.

Source:
    Importance sampling by gradient norms: Katharopoulos & Fleuret 2018, arXiv 1803.00942; the `norm` baseline of
    GradAlign (StigLidu/GradAlign @7e25218) for the prompts.

Defaults:
    λ = 0.5, of Φ; c = 2, k = 4 rollouts of each candidate, E = 5 batches. c = 1 leaves the prompts as they come.

Known defects:
    A gradient's length falls with the length of an answer (it is a mean over tokens), so short answers weigh more;
    LearnAlign's authors avoid norms for that. Norms are of one rollout, and noise is long too: `filtered` around this
    takes back what is. Importance weights that are not divided out change what is optimised, and are meant to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from strategies.contract import State, Strategy
from strategies.gradient.measures import gradient_norm
from strategies.gradient.prompt_gradients import PromptsByGradient
from strategies.parameters import Range
from strategies.pool import PromptPool
from strategies.rewards.bonus import moved
from strategies.rollouts import Rollouts, Shaped
from strategies.signals import SignalName


@dataclass(frozen=True, kw_only=True)
class LearningSignal(PromptsByGradient):
    """Rollouts and prompts by the length of their gradients; the module says the rest."""

    family: ClassVar[str] = "gradient-guided"
    summary: ClassVar[str] = "prefers rollouts and prompts with long gradients"

    strength: Annotated[float, Range(least=0, most=1)] = 0.5
    """λ; 0 leaves advantages as they are."""
    candidates: Annotated[int, Range(least=1)] = 2
    """c, prompts looked at for each one that is trained on; 1 takes them as they come, with no probing."""

    def controls(self) -> tuple[Strategy, ...]:
        """Return the weights shuffled, and prompts by chance at the same price."""
        from strategies.controls.noise_novelty import NoiseNovelty
        from strategies.prompts.random_subset import RandomSubset

        chance = RandomSubset(candidates=self.candidates, rollouts=self.rollouts)
        return (NoiseNovelty(of=self), *((chance,) if self.candidates > 1 else ()))

    def needs(self) -> frozenset[SignalName]:
        """Ask for what stands for a gradient."""
        return self.features.needs() if self.strength > 0 else frozenset()

    def scores(self, pool: PromptPool, gradients: Tensor, accuracy: Tensor) -> Tensor:
        """Score prompts by the length of their gradients."""
        return gradient_norm(gradients)

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Weigh each rollout's advantage by the length of its gradient."""
        if self.strength == 0:
            return None, state
        norms = gradient_norm(self.features.of(rollouts))
        weights = 1 + self.strength * (norms / norms.mean().clamp(min=1e-30) - 1)
        advantages = rollouts.advantages * weights
        diagnostics = {
            "gradient_norm": norms.mean().item(),
            "largest_weight": weights.max().item(),
            "advantage_moved": moved(rollouts, advantages),
        }
        return Shaped(advantages=advantages, diagnostics=diagnostics, columns={"signal": norms}), state
