"""LearnAlign: train on the prompts whose gradients are shared by the other prompts, and that can still be learned.

No validation set: the candidates are compared with each other. How much a prompt can teach is read from how often it is
solved, and not from the length of its gradient, which falls with the length of the answers.

Formula:
    g_x as in grad_align, ĝ_x of unit length, V_x = a(1 − a), a the mean reward of the k rollouts;
    score_x = mean over candidates y of V_x V_y ĝ_x · ĝ_y = V_x ĝ_x · mean_y V_y ĝ_y; a factor in V changes no rank.
    as_released: ĝ_x · ḡ, ḡ the mean of g_y over the candidates: no learnability.

Source:
    Li et al. 2025, arXiv 2506.11480 (Findings of ACL 2026). Its text and code were not at hand: the form is put
    together from the abstract (learnability from the success rate, in place of gradient norms) and its public reviews
    (a score for each pair, cosines, a quadratic in the success rate that multiplies), and is not verified against the
    paper. as_released is the `align` mode of StigLidu/GradAlign @7e25218, automated/dynamic_selection.py, which takes
    the training candidates as the validation set.

Defaults:
    Those of grad_align: c = 4, k = 4, E = 5, Φ. The paper chooses once, about 1,000 prompts, after a warm-up; here the
    choice is made anew every E batches by the policy as it is.

Known defects:
    What most prompts share is not what the policy lacks. The score costs as much sampling as grad_align less the
    validation problems. A prompt whose rollouts are all right or all wrong scores 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import normalize

from strategies.contract import Strategy
from strategies.gradient.prompt_gradients import PromptsByGradient
from strategies.pool import PromptPool


@dataclass(frozen=True, kw_only=True)
class LearnAlign(PromptsByGradient):
    """The prompts that agree with the others and can be learned; the module says the rest."""

    summary: ClassVar[str] = "trains on learnable prompts whose gradients others share (LearnAlign)"

    as_released: bool = False
    """Whether to leave learnability out, as GradAlign's repository does in the baseline of this name."""

    def controls(self) -> tuple[Strategy, ...]:
        """Return chance at the same price."""
        from strategies.prompts.random_subset import RandomSubset

        return (RandomSubset(candidates=self.candidates, rollouts=self.rollouts),)

    def scores(self, pool: PromptPool, gradients: Tensor, accuracy: Tensor) -> Tensor:
        """Compare the candidates with their mean."""
        unit = normalize(gradients, dim=1)
        if self.as_released:
            return unit @ normalize(gradients.mean(dim=0), dim=0)
        learnable = (accuracy * (1 - accuracy)).unsqueeze(1) * unit
        return learnable @ learnable.mean(dim=0)
