"""Hybrid: mostly one strategy, with a small share of another as a hedge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strategies.contract import (
    Event,
    Progress,
    PromptPool,
    Rollouts,
    RunSettings,
    SettingValue,
    Shaped,
    SignalName,
    State,
    Strategy,
)
from strategies.settings import mixed


@dataclass(frozen=True, kw_only=True)
class Hybrid(Strategy):
    """Plain GRPO, moved by (1 − share) of what `primary` would move it and share of what `hedge` would.

    Advantages and numeric trainer settings are mixed so; a share of 0 is `primary` and a share of 1 is `hedge`.
    Prompts are picked by `primary`; both may react.
    """

    family: ClassVar[str] = "hybrid"
    summary: ClassVar[str] = "mostly one strategy, with a small share of another as a hedge"

    primary: Strategy
    hedge: Strategy
    share: float = 0.2
    """Of the hedge, in [0, 1]."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must lie between 0 and 1, got {self.share}")
        mixed(self.primary.trainer_settings(), self.hedge.trainer_settings(), self.share)

    def needs(self) -> frozenset[SignalName]:
        """Ask for what either part asks for."""
        return self.primary.needs() | self.hedge.needs()

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Mix the parts' settings."""
        return mixed(self.primary.trainer_settings(), self.hedge.trainer_settings(), self.share)

    def check(self, run: RunSettings) -> None:
        """Check both parts."""
        self.primary.check(run)
        self.hedge.check(run)

    def init(self) -> State:
        """Hold both parts' states."""
        return {"primary": self.primary.init(), "hedge": self.hedge.init()}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Mix the parts' departures from plain GRPO."""
        first, state_first = self.primary.shape(rollouts, state["primary"])
        second, state_second = self.hedge.shape(rollouts, state["hedge"])
        state = {"primary": state_first, "hedge": state_second}
        if first is None and second is None:
            return None, state
        plain = Shaped(advantages=rollouts.advantages)
        a, b = (first or plain).advantages, (second or plain).advantages
        if a.dim() != b.dim():  # (B,) beside (B, T): a rollout's advantage holds for each of its tokens
            a, b = (x.unsqueeze(1) if x.dim() == 1 else x for x in (a, b))
        diagnostics = {f"primary/{k}": v for k, v in (first or plain).diagnostics.items()}
        diagnostics |= {f"hedge/{k}": v for k, v in (second or plain).diagnostics.items()}
        return Shaped(advantages=(1 - self.share) * a + self.share * b, diagnostics=diagnostics), state

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[list[int] | None, State]:
        """Let `primary` pick."""
        picked, inner = self.primary.pick_prompts(pool, state["primary"])
        return None if picked is None else list(picked), {**state, "primary": inner}

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Let both parts react."""
        events, first = self.primary.react(progress, state["primary"]) if self.share < 1 else ([], state["primary"])
        more, second = self.hedge.react(progress, state["hedge"]) if self.share > 0 else ([], state["hedge"])
        return events + more, {"primary": first, "hedge": second}
