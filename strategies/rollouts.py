"""What a strategy is shown of a batch, and what it makes of it.

Shape suffixes: B rollouts, G rollouts of one prompt, P prompts, T completion tokens, D hidden size, E embedding size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Generator, Tensor

from strategies.signals import SignalName

GROUP_STD_EPS = 1e-4
"""Added to the standard deviation of a group's rewards, as TRL's GRPOTrainer does."""


def uncharged(part: str) -> AbstractContextManager[None]:
    """Book nothing: what a batch that is made by hand does with the time of a part."""
    return nullcontext()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollouts:
    """One generation batch, on the trainer's device; rows i·G … (i+1)·G−1 answer the same prompt."""

    rewards: Tensor
    """(B,) the verifier's rewards, in [0, 1]."""
    advantages: Tensor
    """(B,) what plain GRPO would use."""
    group_size: int
    """G."""
    completion_ids: Tensor
    """(B, T) token ids, right-padded."""
    mask: Tensor
    """(B, T) bool, true for the tokens of the completion, end-of-text included."""
    signals: Mapping[SignalName, Tensor] = field(default_factory=dict)
    """What the strategy asked for in `needs`, all detached: gradient_features (B, D) float32; split_features (B, 2, D)
    float32, the same over tokens at even and at odd positions alone; gradient_activations (B, D) float32, the mean over
    tokens of gradient times hidden state, number by number; hidden (B, T, D), what each token was predicted
    from, at the input of the LM head; logp (B, T); entropy (B, T) in nats; reference_hidden (B, D), the mean of
    `hidden` over the completion under the model that training started from (or was reset to); embeddings:<encoder>
    (B, E) float32, of unit length (zero for an empty text); projected_gradient:<layers>:<dimension> (B, K) float32,
    the projected gradient of the completion's mean log-probability."""
    prompts: Sequence[str] = ()
    """(B,) prompt texts."""
    completions: Sequence[str] = ()
    """(B,) completion texts."""
    indices: Sequence[int] = ()
    """(B,) the prompts' places in the pool: the same number, the same prompt, in every step."""
    answers: Sequence[str | None] = ()
    """(B,) the final answer as the grader reads it, equal for answers that mean the same; None if it reads none."""
    fresh: int | None = None
    """The first rollouts of each group that start at the prompt, where the others go on from a prefix of one of them;
    None where all start at the prompt. The two parts of a group are normalised each by itself."""
    prefix_tokens: Sequence[int] = ()
    """(B,) tokens of the prefix that a rollout goes on from; they are no part of its completion."""
    scale: Literal["group", "batch", "none"] = "group"
    """How the trainer scales advantages (TRL's `scale_rewards`)."""
    step: int = 0
    """Generation batches before this one; optimizer steps, where each batch takes one."""
    generator: Generator | None = None
    """The strategy's own source of randomness, on the CPU; a strategy draws from nothing else."""
    charge: Callable[[str], AbstractContextManager[None]] = uncharged
    """(part) → a context whose time goes into the ledger under that part of the strategy."""

    def grouped(self, values: Tensor) -> Tensor:
        """Return `values` of shape (B, …) as (B / G, G, …)."""
        return values.view(-1, self.group_size, *values.shape[1:])

    def uniform(self) -> Tensor:
        """Return (B,) bool: whether all rewards of the rollout's group are the same."""
        rewards = self.grouped(self.rewards)
        same = rewards.amax(dim=1) == rewards.amin(dim=1)
        return same.repeat_interleave(self.group_size)

    def normalise(self, rewards: Tensor) -> Tensor:
        """Return the advantages (B,) that the trainer would give to `rewards` (B,).

        References:
            TRL 1.16 `GRPOTrainer._generate_and_score_completions`: (r − mean_group) / (std + 1e-4), std with ddof 1.
            Rollouts that go on from a prefix are compared among themselves (arXiv 2605.25507).
        """
        groups = self.grouped(rewards)
        parts = (groups,) if self.fresh is None else (groups[:, : self.fresh], groups[:, self.fresh :])
        centred = torch.cat([part - part.mean(dim=1, keepdim=True) for part in parts], dim=1).reshape(-1)
        if self.scale == "none":
            return centred
        if self.scale == "batch":
            return centred / (rewards.std() + GROUP_STD_EPS)
        spreads = [part.std(dim=1, keepdim=True).expand_as(part) for part in parts]
        return centred / (torch.cat(spreads, dim=1).reshape(-1) + GROUP_STD_EPS)

    def token_mean(self, values: Tensor) -> Tensor:
        """Return the mean of `values` (B, T) or (B, T, D) over each completion's tokens; zero for an empty one."""
        mask = self.mask if values.dim() == 2 else self.mask.unsqueeze(-1)
        total = torch.where(mask, values, torch.zeros_like(values)).sum(dim=1)
        return total / mask.sum(dim=1).clamp(min=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenBatch:
    """One forward pass of an update, under the policy as it is now; rows are rollouts in any order."""

    logp: Tensor
    """(B, T) log-probability of each token, detached."""
    old_logp: Tensor
    """(B, T) the same under the policy that sampled them; equal to `logp` in the first update of a batch."""
    entropy: Tensor
    """(B, T) in nats."""
    advantages: Tensor
    """(B, T) what the loss would use."""
    mask: Tensor
    """(B, T) bool, true for the tokens that the loss counts."""
    rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    """(B,) the rollouts' rows in the generation batch that `shape` was shown; empty in a pass that is made by hand."""
    step: int
    """Optimizer steps taken before this one."""
    generator: Generator
    """The strategy's own source of randomness, on the CPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shaped:
    """What a strategy makes of a batch."""

    advantages: Tensor
    """(B,) or (B, T); a zero leaves the token out of the policy gradient."""
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    """Numbers worth a line in the training log."""
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    """(B,) numbers of each rollout, worth a column beside it: `signal`, what decided (its novelty, its alignment);
    `filtered`, 1 where a filter took the bonus back."""
    cosines: Mapping[str, Tensor] = field(default_factory=dict)
    """Cosines that the strategy went by, of any shape, by what they are between, in plain words; the log counts them
    in bins at the steps that are looked at. Not a number: there is none."""
