"""What a strategy is: pure functions over one batch of rollouts, plus a state that can be saved.

The shape is that of an optax transform. A strategy is a frozen dataclass of parameters; `init` makes its state, and
every hook takes the state and returns the next one, so that resuming is loading a dictionary.

Shape suffixes: B rollouts, G rollouts of one prompt, P prompts, T completion tokens, D hidden size, E embedding size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Generator, Tensor

from strategies.parameters import require_ranges

SignalName = str
"""One of `SIGNALS`, or what `embeddings(encoder)` returns."""
SIGNALS = ("gradient_features", "hidden", "logp", "entropy", "reference_hidden")
EMBEDDINGS = "embeddings:"
State = dict[str, Any]
SettingValue = float | int | bool | str

GROUP_STD_EPS = 1e-4
"""Added to the standard deviation of a group's rewards, as TRL's GRPOTrainer does."""


def embeddings(encoder: str) -> SignalName:
    """Return the name of the signal that holds the completions' embeddings by `encoder`."""
    return EMBEDDINGS + encoder


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
    """What the strategy asked for in `needs`, all detached: gradient_features (B, D) float32; hidden (B, T, D), what
    each token was predicted from, at the input of the LM head; logp (B, T); entropy (B, T) in nats; reference_hidden
    (B, D), the mean of `hidden` over the completion under the model that training started from (or was reset to);
    embeddings:<encoder> (B, E) float32, of unit length (zero for an empty text)."""
    prompts: Sequence[str] = ()
    """(B,) prompt texts."""
    completions: Sequence[str] = ()
    """(B,) completion texts."""
    indices: Sequence[int] = ()
    """(B,) the prompts' places in the pool: the same number, the same prompt, in every step."""
    answers: Sequence[str | None] = ()
    """(B,) the final answer as the grader reads it, equal for answers that mean the same; None if it reads none."""
    scale: Literal["group", "batch", "none"] = "group"
    """How the trainer scales advantages (TRL's `scale_rewards`)."""
    step: int = 0
    """Generation batches before this one; optimizer steps, where each batch takes one."""
    generator: Generator | None = None
    """The strategy's own source of randomness, on the CPU; a strategy draws from nothing else."""

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
        """
        groups = self.grouped(rewards)
        centred = (groups - groups.mean(dim=1, keepdim=True)).reshape(-1)
        if self.scale == "none":
            return centred
        if self.scale == "batch":
            return centred / (rewards.std() + GROUP_STD_EPS)
        std = groups.std(dim=1).repeat_interleave(self.group_size)
        return centred / (std + GROUP_STD_EPS)

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Where a run stands after an optimizer step."""

    step: int
    share: float
    """Of the budget spent, 0..1."""
    reward: float
    """Mean verifier reward of the step's rollouts."""
    entropy: float
    """Mean token entropy in nats."""
    generator: Generator
    """The strategy's own source of randomness, on the CPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something a strategy wants done between two steps; logged with its cause and step."""

    kind: Literal["reference", "optimizer"]
    """reference: the reference policy becomes the current policy. optimizer: moments and step counts are cleared."""
    cause: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptPool:
    """What a strategy may know of the training prompts, and what it may ask of them."""

    due: Sequence[int]
    """Indices of the P prompts that come next in the fixed order, as many as a batch holds."""
    size: int
    """Prompts in all."""
    mean_rewards: Mapping[int, Sequence[float]]
    """For each prompt visited so far, the mean reward of its group at each visit."""
    more: Callable[[int], Sequence[int]]
    """(n) → the n prompts that come after those handed out so far; the order starts anew at its end."""
    probe: Callable[[Sequence[int], int], Tensor]
    """(indices, k) → rewards (len(indices), k) of k rollouts each, sampled now, charged as selection, then dropped."""
    step: int
    """Generation batches before this one."""
    generator: Generator
    """The strategy's own source of randomness, on the CPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """What a strategy may check itself against before anything is spent."""

    kl: float = 0.0
    """Weight of the KL penalty to the reference policy."""
    group_size: int = 8
    prompts_per_step: int = 16
    updates_per_batch: int = 1
    """Optimizer steps taken on one generation batch; with 1, every importance ratio is exactly 1."""
    pool: int = 16384
    """Training prompts in all."""
    temperature: float = 1.0
    """What rollouts are sampled at unless a strategy sets another."""
    visits: float | None = None
    """Prompts that a run visits if every answer reaches its cap: a lower bound; None when the budget says nothing."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How training explores. A subclass overrides only the hooks it uses; the defaults leave GRPO untouched."""

    family: ClassVar[str] = "other"
    trained: ClassVar[bool] = True
    """Whether an arm with the strategy is trained at all."""
    summary: ClassVar[str] = ""
    """One line for the list of strategies; the first line of the docstring if empty."""

    def __post_init__(self) -> None:
        require_ranges(self)

    def controls(self) -> tuple[Strategy, ...]:
        """Return the arms that show whether this one's idea matters; a plan gets them unless it switches them off."""
        return ()

    def needs(self) -> frozenset[SignalName]:
        """Return the signals that `shape` reads; the trainer computes no other."""
        return frozenset()

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Return overrides of the trainer's settings; the names allowed are those of `SETTINGS`."""
        return {}

    def check(self, run: RunSettings) -> None:
        """Raise ValueError if the strategy could have no effect, or the wrong one, under `run`."""

    def init(self) -> State:
        """Return the state before the first step: numbers, strings, tensors, and dictionaries and lists of them."""
        return {}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[Sequence[int] | None, State]:
        """Return the prompts of the next batch, as many as `pool.due` (None: those due), and the next state."""
        return None, state

    def rounds(self) -> int:
        """Return how often at most a batch is sampled to fill it with groups that `keep` accepts; 1: as it comes."""
        return 1

    def keep(self, rewards: Tensor) -> Tensor:
        """Return (P,) bool: which groups with `rewards` (P, G) go into the batch; the others' prompts are replaced."""
        return torch.ones(rewards.shape[0], dtype=torch.bool, device=rewards.device)

    def exhausted(self) -> Literal["fill", "error"]:
        """Return what to do when `rounds` are over and the batch is not full: take refused groups, or end the run."""
        return "fill"

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Return what replaces the advantages of `rollouts` (None: plain GRPO), and the next state."""
        return None, state

    def weigh(self, tokens: TokenBatch) -> Shaped | None:
        """Return what replaces the advantages in one forward pass of an update (None: nothing).

        The loss of a token is −min(ρ A, clip(ρ) A); whatever changes A here changes the gradient in proportion.
        """
        return None

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Return what to do before the next step, and the next state."""
        return [], state
