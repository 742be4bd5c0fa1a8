"""A strategy around another: every hook goes to the inner one, and a subclass changes the hooks that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from strategies.contract import SettingValue, State, Strategy
from strategies.pool import PromptPool
from strategies.progress import Event, Progress
from strategies.rollouts import Rollouts, Shaped, TokenBatch
from strategies.run import RunSettings
from strategies.signals import SignalName


@dataclass(frozen=True, kw_only=True)
class Wrapper(Strategy):
    """Does what `inner` does; the inner state stands under "inner" in its own."""

    @property
    def inner(self) -> Strategy:
        """The strategy that is wrapped."""
        raise NotImplementedError

    def controls(self) -> tuple[Strategy, ...]:
        """Return the inner strategy's controls."""
        return self.inner.controls()

    def asked(self) -> Mapping[str, frozenset[SignalName]]:
        """Charge as the inner strategy does."""
        return self.inner.asked()

    def needs(self) -> frozenset[SignalName]:
        """Ask for what the inner strategy asks for."""
        return self.inner.needs()

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Pass on the inner strategy's settings."""
        return self.inner.trainer_settings()

    def check(self, run: RunSettings) -> None:
        """Check the inner strategy."""
        self.inner.check(run)

    def init(self) -> State:
        """Hold the inner state."""
        return {"inner": self.inner.init()}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[Sequence[int] | None, State]:
        """Pick as the inner strategy does."""
        picked, inner = self.inner.pick_prompts(pool, state["inner"])
        return picked, {**state, "inner": inner}

    def rounds(self) -> int:
        """Sample as often as the inner strategy."""
        return self.inner.rounds()

    def keep(self, rewards: Tensor) -> Tensor:
        """Keep what the inner strategy keeps."""
        return self.inner.keep(rewards)

    def continued(self, group_size: int, state: State) -> int:
        """Continue as many as the inner strategy."""
        return self.inner.continued(group_size, state["inner"])

    def restart(self, fresh: Rollouts, state: State) -> tuple[Tensor, State]:
        """Restart where the inner strategy does."""
        where, inner = self.inner.restart(fresh, state["inner"])
        return where, {**state, "inner": inner}

    def exhausted(self) -> Literal["fill", "error"]:
        """Do what the inner strategy does."""
        return self.inner.exhausted()

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Shape as the inner strategy does."""
        shaped, inner = self.inner.shape(rollouts, state["inner"])
        return shaped, {**state, "inner": inner}

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        """Weigh as the inner strategy does."""
        return self.inner.weigh(tokens, state["inner"])

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """React as the inner strategy does."""
        events, inner = self.inner.react(progress, state["inner"])
        return events, {**state, "inner": inner}
