"""GradAlign: train on the prompts whose gradients point where the validation problems' gradient points.

More prompts are tried than are trained on. Each one's GRPO gradient is compared with the mean gradient of a small
trusted set; the best are trained on until the next choice. All that the choosing samples and computes is charged.

Formula:
    g_x = Σ_i A_i T_i f_i / Σ_i T_i over the k rollouts of prompt x, A_i = r_i − mean r (no standard deviation), T_i
    tokens, f_i the gradient of the rollout's mean log-probability (`signal`); g* = mean of g_v over validation
    problems v, of unit length. The E·P best of c·E·P prompts by
    cosine: g_x · g* / |g_x|; dot: g_x · g*; simacc: cosine · 4a(1 − a), a the mean reward of the k rollouts.

Source:
    Yang et al. 2026, arXiv 2602.21492; StigLidu/GradAlign @7e25218: automated/dynamic_selection.py, select_data.py,
    select/parallel/grpo_loss.py and grpo_grad_analyze_parallel.py. The paper itself was read in abstract only.

Defaults:
    cosine, theirs. Ours, to fit a small run: c = 4, k = 4, E = 5, 16 validation problems with 8 rollouts each. Their
    example takes 256 of 5,120 candidates (k = 20 in their words: one in twenty) with 128 rollouts each, trains ten
    batches of 128 on them, five passes, and uses all of AMC 2022 with 16 rollouts each as validation; their gradient is
    that of all weights. Here the default is Φ, the gradient at the LM head's input; `signal: projected_gradient`
    projects that of the weights.

Known defects:
    Their script samples thousands of rollouts for one that is trained on; at an equal budget that has to pay for
    itself, and `random_subset` shows the price. A prompt whose rollouts are all right or all wrong has no gradient and
    scores 0, above every prompt that points the other way (theirs too). Their `dot` scales the validation gradient to
    unit length, as here. One of their two scripts writes a dot product without lengths under the name cosine; the
    other is the cosine; both average over the tokens of each minibatch and add minibatches up, where here a prompt's
    rollouts are averaged as one, and validation problems weigh the same. They train five passes on what was chosen;
    here each chosen prompt is trained on once. With few rollouts a gradient is mostly noise, and validation problems
    that are never solved give none. The controls pay for the candidates' rollouts alone: neither for validation nor for
    the signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from strategies.contract import Strategy
from strategies.gradient.prompt_gradients import PromptsByGradient
from strategies.gradient.validation import require_suite
from strategies.parameters import Range
from strategies.pool import PromptPool
from strategies.run import RunSettings


@dataclass(frozen=True, kw_only=True)
class GradAlign(PromptsByGradient):
    """The prompts that agree with the validation problems; the module says the rest."""

    summary: ClassVar[str] = "trains on prompts whose gradients agree with validation (GradAlign)"

    score: Literal["cosine", "dot", "simacc"] = "cosine"
    """What prompts are ranked by."""
    suite: str = "countdown-validation"
    """Where the validation problems are from; none that the plan reports."""
    validation_problems: Annotated[int, Range(least=1)] = 16
    """Problems of the suite, drawn anew for every choice."""
    validation_rollouts: Annotated[int, Range(least=2)] = 8
    """Rollouts of each."""

    def controls(self) -> tuple[Strategy, ...]:
        """Return chance at the same price, the prompts nearest to an accuracy of one half, and alignment unaided."""
        from strategies.gradient.learn_align import LearnAlign
        from strategies.prompts.accuracy_band import AccuracyBand
        from strategies.prompts.random_subset import RandomSubset

        return (
            RandomSubset(candidates=self.candidates, rollouts=self.rollouts),
            AccuracyBand(choose="nearest", candidates=self.candidates, rollouts=self.rollouts),
            LearnAlign(
                candidates=self.candidates,
                rollouts=self.rollouts,
                every_batches=self.every_batches,
                signal=self.signal,
                dimension=self.dimension,
                layers=self.layers,
                encoder=self.encoder,
                by_length=self.by_length,
            ),
        )

    def check(self, run: RunSettings) -> None:
        """Refuse a suite that is reported or unknown, and more candidates than there are prompts."""
        super().check(run)
        if self.candidates > 1:
            require_suite(self.suite, run)

    def scores(self, pool: PromptPool, gradients: Tensor, accuracy: Tensor) -> Tensor:
        """Compare with the gradient of validation problems, sampled now."""
        start = int(torch.randint(2**31, (1,), generator=pool.generator))
        problems = range(start, start + self.validation_problems)
        target = normalize(self.gradients(pool, problems, self.validation_rollouts, self.suite)[0].mean(dim=0), dim=0)
        if self.score == "dot":
            return gradients @ target
        similarity = normalize(gradients, dim=1) @ target
        return similarity if self.score == "cosine" else similarity * 4 * accuracy * (1 - accuracy)
