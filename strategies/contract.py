"""What a strategy is: pure functions over one batch of rollouts, plus a state that can be saved.

The shape is that of an optax transform. A strategy is a frozen dataclass of parameters; `init` makes its state, and
every hook takes the state and returns the next one, so that resuming is loading a dictionary.

Shape suffixes: B rollouts, G rollouts of one prompt, P prompts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from strategies.parameters import require_ranges
from strategies.pool import PromptPool
from strategies.progress import Event, Progress
from strategies.rollouts import Rollouts, Shaped, TokenBatch
from strategies.run import RunSettings
from strategies.signals import SignalName

State = dict[str, Any]
SettingValue = float | int | bool | str


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
        """Return the signals that `shape` and `restart` read; the trainer computes no other."""
        return frozenset()

    def asked(self) -> Mapping[str, frozenset[SignalName]]:
        """Return the signals that each part asks for, so that each is charged for its own; "" is the whole."""
        return {"": self.needs()}

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

    def continued(self, group_size: int, state: State) -> int:
        """Return how many rollouts of each group go on from a prefix of one of the others; 0: none."""
        return 0

    def restart(self, fresh: Rollouts, state: State) -> tuple[Tensor, State]:
        """Return (P, 2) int: the row in each group of `fresh`, counted from 0, and how many of its tokens to keep.

        Args:
            fresh: The rollouts that started at their prompts, whose groups are smaller than a whole batch's by what
                `continued` said; of signals only `hidden`, and that if `needs` names it.
            state: As `pick_prompts` left it.
        """
        raise NotImplementedError

    def exhausted(self) -> Literal["fill", "error"]:
        """Return what to do when `rounds` are over and the batch is not full: take refused groups, or end the run."""
        return "fill"

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Return what replaces the advantages of `rollouts` (None: plain GRPO), and the next state."""
        return None, state

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        """Return what replaces the advantages in one forward pass of an update (None: nothing); `state` as it stands.

        The loss of a token is −min(ρ A, clip(ρ) A); whatever changes A here changes the gradient in proportion.
        """
        return None

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Return what to do before the next step, and the next state."""
        return [], state
