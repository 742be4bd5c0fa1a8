"""Prompts chosen by their gradients: what `grad_align` and `learn_align` share, all but the score.

Shape suffixes: B rollouts, N candidates, F features, P prompts of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from strategies.contract import State
from strategies.gradient.features import ByFeatures
from strategies.parameters import Range
from strategies.pool import PromptPool
from strategies.rollouts import Rollouts
from strategies.run import RunSettings


def prompt_gradients(features_BF: Tensor, rollouts: Rollouts, by_length: bool) -> Tensor:
    """Return each prompt's GRPO gradient (N, F), on the CPU: Σ_i A_i T_i f_i / Σ_i T_i, A_i = r_i − mean r.

    Args:
        features_BF: f, the gradient of each rollout's mean log-probability, or what stands for it.
        rollouts: The rollouts, in groups of one prompt.
        by_length: Whether a rollout counts by its tokens T_i, or as much as any other (T_i = 1).
    """
    rewards = rollouts.grouped(rollouts.rewards)
    tokens = rollouts.grouped(rollouts.mask.sum(dim=1)).to(features_BF)
    weights = tokens if by_length else torch.ones_like(tokens)
    advantages = (rewards - rewards.mean(dim=1, keepdim=True)).to(features_BF)
    total = (rollouts.grouped(features_BF) * (advantages * weights).unsqueeze(-1)).sum(dim=1)
    return (total / weights.sum(dim=1, keepdim=True).clamp(min=1)).float().cpu()


@dataclass(frozen=True, kw_only=True)
class PromptsByGradient(ByFeatures):
    """Looks at more prompts than are due, and trains on those whose gradients score best."""

    family: ClassVar[str] = "prompt choice"

    candidates: Annotated[int, Range(least=1)] = 4
    """c, prompts looked at for each one that is trained on; 1 is plain GRPO, with no probing."""
    rollouts: Annotated[int, Range(least=2)] = 4
    """k, probing rollouts of each candidate."""
    every_batches: Annotated[int, Range(least=1)] = 5
    """E, batches that one choice lasts for."""
    by_length: bool = True
    """Whether a rollout weighs in its prompt's gradient by its number of tokens, as in a loss that is averaged over
    tokens; if not, all weigh the same."""

    def check(self, run: RunSettings) -> None:
        """Refuse more candidates than there are prompts."""
        wanted = self.candidates * self.every_batches * run.prompts_per_step
        if self.candidates > 1 and wanted > run.pool:
            raise ValueError(
                f"candidates {self.candidates} times every_batches {self.every_batches} times {run.prompts_per_step} "
                f"prompts per step is {wanted}, more than the {run.pool} prompts of training.pool: a choice would see "
                "a prompt twice; lower candidates or every_batches, or raise training.pool"
            )

    def init(self) -> State:
        """Hold the prompts chosen, in their order, and those that were due and not yet looked at."""
        return {"queue": [], "passed": []}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[Sequence[int] | None, State]:
        """Take the next prompts of the queue; choose anew when it is empty."""
        if self.candidates == 1:
            return None, state
        size, due = len(pool.due), list(pool.due)
        queue, passed = state["queue"], [*state["passed"], *due]
        if not queue:
            more = pool.more(self.candidates * self.every_batches * size - len(passed))
            queue, passed = self.chosen(pool, [*passed, *more], self.every_batches * size), []
        return queue[:size], {"queue": queue[size:], "passed": passed}

    def chosen(self, pool: PromptPool, indices: list[int], count: int) -> list[int]:
        """Return the `count` best of `indices`, in their order; among equals the first."""
        gradients, accuracy = self.gradients(pool, indices, self.rollouts, None)
        best = self.scores(pool, gradients, accuracy).argsort(descending=True, stable=True)[:count]
        return [indices[place] for place in sorted(best.tolist())]

    def gradients(
        self, pool: PromptPool, problems: Sequence[int], rollouts: int, suite: str | None
    ) -> tuple[Tensor, Tensor]:
        """Return the gradients (N, F) and mean rewards (N,) of `problems`, sampled a batch at a time.

        Args:
            pool: Samples them, and charges this strategy.
            problems: Places in the pool, or in `suite`.
            rollouts: Of each.
            suite: Where the problems are from, if not from the pool.
        """
        gradients, accuracies = list[Tensor](), list[Tensor]()
        for start in range(0, len(problems), len(pool.due)):
            some = problems[start : start + len(pool.due)]
            looked = pool.look(some, rollouts, self.features.needs(), suite=suite)
            gradients.append(prompt_gradients(self.features.of(looked), looked, self.by_length))
            accuracies.append(looked.grouped(looked.rewards).float().mean(dim=1).cpu())
        return torch.cat(gradients), torch.cat(accuracies)

    def scores(self, pool: PromptPool, gradients: Tensor, accuracy: Tensor) -> Tensor:
        """Return how much each candidate is worth, (N,), from its gradient (N, F) and mean reward (N,)."""
        raise NotImplementedError
