"""Noise novelty: a strategy with its bonus shuffled, so that its size stays and what it says is lost.

Whatever another strategy adds to plain GRPO's advantages is handed out at random among the rollouts that plain GRPO
can't tell apart. The mean, the spread and the extremes of the bonus stay as they are, in every group and every class;
only the tie between a rollout and its own bonus is cut. A strategy that beats this control carries information.

Formula:
    A'_i = A_i + (Ã − A)_π(i), Ã the advantages of the inner strategy `of`, A those of plain GRPO, π a uniformly random
    permutation within each class: the rollouts of one group that have exactly the same reward (for Ã per token: the
    valid tokens of those rollouts). A is constant in a class, so this is Ã_π(i), exactly; and standardising doesn't
    see the order of a group, so it is the same as shuffling a bonus on rewards before it is standardised.
    In an update's forward pass (`weigh`) the groups aren't known: there a class is the valid tokens of the pass with
    exactly the same advantage, or, if advantages differ within a rollout, with the same sign of it. With unit gradient
    what is permuted is ρ (Ã − A), what a token's departure does to the gradient of the loss, ρ its importance ratio.

Source:
    The idea is that of the random-noise control of i-MENTOR's authors (Gao et al. 2025, arXiv 2505.17621), who put
    normal noise in the place of their bonus; a permutation keeps the bonus's own distribution too.

Defaults:
    unit advantage; KL-Cov's own control takes gradient, since its departures hold a factor 1/ρ.

Known defects:
    A class of one rollout (the only right answer of a group) keeps its bonus; the diagnostic `moved` says how much was
    shuffled. Around a strategy that changes only settings, sampling or prompts there is nothing to shuffle, and this
    is that strategy. The cost of the inner strategy's signals is paid in full, so the two arms stay comparable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from strategies.contract import State, Strategy
from strategies.rollouts import Rollouts, Shaped, TokenBatch
from strategies.wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class NoiseNovelty(Wrapper):
    """The advantages of `of`, permuted within group and correctness class; the module says the rest."""

    family: ClassVar[str] = "controls"
    summary: ClassVar[str] = "another strategy's bonus, shuffled within group and correctness class"

    of: Strategy
    """The strategy whose bonus is shuffled; not a control."""
    unit: Literal["advantage", "gradient"] = "advantage"
    """In an update's forward pass: whether departures keep their size as advantages, or as gradients (for a penalty
    that is divided by the importance ratio, which would grow out of bounds on a token with another ratio)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.of.family == NoiseNovelty.family:
            raise ValueError(
                f"of must be a strategy with a bonus to shuffle, got the control {type(self.of).__name__}: controls "
                "have none. Name the strategy that this arm is to be compared with"
            )
        if type(self.of).shape is Strategy.shape and type(self.of).weigh is Strategy.weigh:
            raise ValueError(
                f"of must be a strategy with a bonus to shuffle, got {type(self.of).__name__}, which changes no "
                "advantage: this would be that strategy once more"
            )

    @property
    def inner(self) -> Strategy:
        """The strategy whose bonus is shuffled."""
        return self.of

    def controls(self) -> tuple[Strategy, ...]:
        """Return none: it is one."""
        return ()

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Shuffle the inner strategy's advantages within each group and reward.

        Raises:
            ValueError: If the rollouts come without a generator.
        """
        shaped, state = super().shape(rollouts, state)
        if shaped is None:
            return None, state
        values, labels = shaped.advantages, classes(rollouts)
        valid = torch.ones_like(labels, dtype=torch.bool)
        if values.dim() == 2:
            labels, valid = labels.unsqueeze(1).expand_as(values), rollouts.mask
        shuffled = values.clone()
        shuffled[valid] = permuted(values[valid], labels[valid], rollouts.generator)
        told = _diagnostics(shaped, shuffled, valid)
        return Shaped(advantages=shuffled, diagnostics=told, cosines=shaped.cosines), state

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        """Shuffle what the inner strategy does to single tokens, among the tokens of like advantage."""
        shaped = super().weigh(tokens, state)
        if shaped is None:
            return None
        plain = tokens.advantages[tokens.mask]
        labels = token_classes(tokens)[tokens.mask]
        # Differences, not values: among tokens of one sign the advantages to which they are added back are not equal.
        size = (tokens.logp - tokens.old_logp)[tokens.mask].exp() if self.unit == "gradient" else torch.ones_like(plain)
        departures = permuted((shaped.advantages[tokens.mask] - plain) * size, labels, tokens.generator)
        shuffled = tokens.advantages.clone()
        shuffled[tokens.mask] = plain + departures / size
        return Shaped(advantages=shuffled, diagnostics=_diagnostics(shaped, shuffled, tokens.mask))


def shuffled(whole: Strategy, parts: Sequence[Strategy]) -> tuple[NoiseNovelty, ...]:
    """Return the control of a strategy made of `parts`: all of it shuffled, if a part has a bonus to shuffle."""
    units = [one.unit for part in parts for one in part.controls() if isinstance(one, NoiseNovelty)]
    if not units:
        return ()
    return (NoiseNovelty(of=whole, unit="gradient" if "gradient" in units else "advantage"),)


def classes(rollouts: Rollouts) -> Tensor:
    """Return (B,) labels, equal for the rollouts of one part of a group with exactly the same reward."""
    rewards = rollouts.grouped(rollouts.rewards)
    same = rewards.unsqueeze(2) == rewards.unsqueeze(1)
    if rollouts.fresh is not None:  # those that go on from a prefix are standardised by themselves
        part = torch.arange(rollouts.group_size, device=rewards.device) < rollouts.fresh
        same = same & (part.unsqueeze(1) == part)
    first = same.int().argmax(dim=2)
    groups = torch.arange(len(rewards), device=rewards.device).unsqueeze(1)
    return (first + groups * rollouts.group_size).reshape(-1)


def token_classes(tokens: TokenBatch) -> Tensor:
    """Return (B, T) labels: the advantage, or its sign if it differs within a rollout; padding holds anything."""
    infinity = torch.full_like(tokens.advantages, torch.inf)
    low = torch.where(tokens.mask, tokens.advantages, infinity).amin(dim=1)
    high = torch.where(tokens.mask, tokens.advantages, -infinity).amax(dim=1)
    return tokens.advantages.sign() if (high > low).any() else tokens.advantages


def permuted(values: Tensor, labels: Tensor, generator: Generator | None) -> Tensor:
    """Return `values` (N,), each moved to a random place of its class; all orders within a class are as likely.

    Args:
        values: What is moved, (N,).
        labels: Equal for the members of a class, (N,).
        generator: Where the order is drawn from, on the CPU.

    Raises:
        ValueError: If there is no generator.
    """
    if generator is None:
        raise ValueError("noise_novelty draws from the rollouts' generator, got None; give Rollouts a generator")
    drawn = torch.randperm(len(values), generator=generator).to(labels.device)
    places = labels.argsort(stable=True)
    sources = drawn[labels[drawn].argsort(stable=True)]
    result = values.clone()
    result[places] = values[sources]
    return result


def _diagnostics(inner: Shaped, shuffled: Tensor, valid: Tensor) -> Mapping[str, float]:
    """Return the inner strategy's numbers as of/…, and the share of valid entries that shuffling changed."""
    changed = (shuffled[valid] != inner.advantages[valid]).float().sum() / valid.sum().clamp(min=1)
    return {**{f"of/{name}": value for name, value in inner.diagnostics.items()}, "moved": changed.item()}
