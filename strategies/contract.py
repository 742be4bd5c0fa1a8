"""What a strategy is: pure functions over one batch of rollouts, plus a state that can be saved.

The shape is that of an optax transform. A strategy is a frozen dataclass of parameters; `init` makes its state, and
every hook takes the state and returns the next one, so that resuming is loading a dictionary.

Shape suffixes: B rollouts, G rollouts of one prompt, T completion tokens, D hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from torch import Generator, Tensor

SignalName = Literal["gradient_features", "hidden", "logp", "entropy"]
State = dict[str, Any]
SettingValue = float | int | bool | str

GROUP_STD_EPS = 1e-4
"""Added to the standard deviation of a group's rewards, as TRL's GRPOTrainer does."""


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
    signals: Mapping[str, Tensor] = field(default_factory=dict)
    """What the strategy asked for in `needs`: gradient_features (B, D) float32, hidden (B, T, D), logp (B, T),
    entropy (B, T) in nats. All detached."""
    prompts: Sequence[str] = ()
    """(B,) prompt texts."""
    completions: Sequence[str] = ()
    """(B,) completion texts."""
    scale: Literal["group", "batch", "none"] = "group"
    """How the trainer scales advantages (TRL's `scale_rewards`)."""
    step: int = 0
    """Optimizer steps taken before this batch."""
    generator: Generator | None = None
    """The strategy's own source of randomness; a strategy draws from nothing else."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something a strategy wants done between two steps; logged with its cause and step."""

    kind: Literal["reference", "optimizer"]
    """reference: the reference policy becomes the current policy. optimizer: moments and step counts are cleared."""
    cause: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptPool:
    """What a strategy may know of the training prompts."""

    due: Sequence[int]
    """Indices of the prompts that come next in the fixed order, as many as a batch holds."""
    size: int
    """Prompts in all."""
    mean_rewards: Mapping[int, Sequence[float]]
    """For each prompt visited so far, the mean reward of its group at each visit."""
    generator: Generator
    """The strategy's own source of randomness."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """What a strategy may check itself against before anything is spent."""

    kl: float
    """Weight of the KL penalty to the reference policy."""
    group_size: int


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How training explores. A subclass overrides only the hooks it uses; the defaults leave GRPO untouched."""

    family: ClassVar[str] = "other"
    summary: ClassVar[str] = ""
    """One line for the list of strategies; the first line of the docstring if empty."""

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

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Return what replaces the advantages of `rollouts` (None: plain GRPO), and the next state."""
        return None, state

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[Sequence[int] | None, State]:
        """Return the prompts of the next batch, as many as `pool.due` (None: those due), and the next state."""
        return None, state

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Return what to do before the next step, and the next state."""
        return [], state
