"""From samples to what a strategy is shown: padded tensors, signals, texts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor

from harness.training.samples import Samples
from harness.training.signals import Batch
from strategies import Rollouts, SignalName, TokenBatch
from strategies.rollouts import uncharged


def batch_of(samples: Samples, pad: int, device: torch.device) -> Batch:
    """Return the tokens of `samples` as tensors: prompts padded on the left, completions on the right, with `pad`."""
    prompt_ids, prompt_mask = padded(samples.column("prompt_ids"), pad, left=True)
    completion_ids, mask = padded(samples.column("completion_ids"), pad, left=False)
    return Batch(
        prompt_ids=prompt_ids.to(device),
        prompt_mask=prompt_mask.long().to(device),
        completion_ids=completion_ids.to(device),
        mask=mask.to(device),
        hidden=samples.hidden,
        completions=samples.column("completions"),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What is the same for all that a strategy is shown in one step."""

    scale: str
    """TRL's `scale_rewards`."""
    step: int
    """Generation batches before this one."""
    generator: Generator
    charge: Callable[[str], AbstractContextManager[None]] = uncharged


def rollouts_of(
    samples: Samples,
    batch: Batch,
    signals: dict[SignalName, Tensor],
    setting: Setting,
    *,
    advantages: Tensor | None = None,
) -> Rollouts:
    """Return what a strategy is shown of `samples`.

    Args:
        samples: Groups of one size.
        batch: The same as tensors.
        signals: Made of them.
        setting: What holds for the whole step.
        advantages: TRL's (B,); made of the rewards if None, or if some rollouts go on from a prefix.
    """
    rewards, rows = samples.rewards.sum(dim=1).to(batch.mask.device), samples.column("rows")
    size, prefixes = len(samples.groups[0].rows), samples.column("prefix_tokens")
    fresh = samples.groups[0].fresh
    made = Rollouts(
        rewards=rewards,
        advantages=rewards if advantages is None else advantages,
        group_size=size,
        completion_ids=batch.completion_ids,
        mask=batch.mask,
        signals=signals,
        prompts=[row["prompt"] for row in rows],
        completions=batch.completions,
        indices=[row["index"] for row in rows],
        answers=samples.column("answers"),
        fresh=fresh,
        prefix_tokens=prefixes,
        scale=setting.scale,  # type: ignore[arg-type]  # TRL has checked it
        step=setting.step,
        generator=setting.generator,
        charge=setting.charge,
    )
    if advantages is not None and fresh is None:
        return made
    return replace(made, advantages=made.normalise(rewards))


def tokens_of(inputs: dict[str, Any], logp: Tensor, entropy: Tensor, step: int, generator: Generator) -> TokenBatch:
    """Return what a strategy is shown of the tokens in one pass of an update.

    Args:
        inputs: TRL's, with `rows`, the place of each rollout in the generation batch.
        logp: (B, T) of the policy as it is now, detached.
        entropy: (B, T) in nats.
        step: Optimizer steps before this one.
        generator: Where the strategy draws from.
    """
    advantages = inputs["advantages"]
    return TokenBatch(
        logp=logp,
        old_logp=inputs.get("old_per_token_logps", logp),
        entropy=entropy.detach(),
        advantages=advantages if advantages.dim() > 1 else advantages.unsqueeze(1).expand_as(logp),
        mask=inputs["completion_mask"].bool(),
        rows=inputs["rows"],
        step=step,
        generator=generator,
    )


def padded(rows: list[list[int]], pad: int, *, left: bool) -> tuple[Tensor, Tensor]:
    """Return ids (B, T) and a bool mask (B, T) of the tokens that are there."""
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros((len(rows), longest), dtype=torch.bool)
    for place, row in enumerate(rows):
        where = slice(longest - len(row), longest) if left else slice(0, len(row))
        ids[place, where] = torch.tensor(row, dtype=torch.long)
        mask[place, where] = True
    return ids, mask
