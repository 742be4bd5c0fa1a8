"""Resets: a strategy that, now and then, lets go of its reference policy or of its optimizer's memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

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


@dataclass(frozen=True, kw_only=True)
class WithResets(Strategy):
    """Run `strategy`, and reset when `trigger` fires.

    - trigger every: each `every_steps` steps.
    - trigger plateau: when the mean reward of the last `window_steps` steps has not beaten its best by more than
      `min_gain` for `patience_steps` steps. A reset starts the waiting anew.
    - action reference: the reference policy of the KL penalty becomes the current policy (ProRL). Without a KL penalty
      this does nothing, so it is refused.
    - action optimizer: Adam's moments and step counts are cleared.

    References:
        Liu et al. 2025 (ProRL), https://arxiv.org/abs/2505.24864, section 3; Nikishin et al. 2022 for resets at large.
    """

    family: ClassVar[str] = "resets"
    summary: ClassVar[str] = "another strategy with resets of the reference policy or the optimizer"

    strategy: Strategy
    trigger: Literal["every", "plateau"] = "plateau"
    action: Literal["reference", "optimizer"] = "reference"
    every_steps: int = 50
    """Optimizer steps between resets (trigger every)."""
    window_steps: int = 10
    """Steps that the reward is averaged over (trigger plateau)."""
    patience_steps: int = 20
    """Steps without a gain before a reset (trigger plateau)."""
    min_gain: float = 0.01
    """Reward that counts as a gain (trigger plateau)."""

    def __post_init__(self) -> None:
        for name in ("every_steps", "window_steps", "patience_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.min_gain < 0:
            raise ValueError(f"min_gain must not be negative, got {self.min_gain}")

    def check(self, run: RunSettings) -> None:
        """Refuse a reference reset that could do nothing."""
        if self.action == "reference" and run.kl <= 0:
            raise ValueError(
                f"action reference resets the reference policy of the KL penalty, but training.kl is {run.kl}: it "
                "would do nothing. Set training.kl above 0 (ProRL uses 0.001 to 0.01), or use action optimizer"
            )
        self.strategy.check(run)

    def needs(self) -> frozenset[SignalName]:
        """Ask for what the inner strategy asks for."""
        return self.strategy.needs()

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Pass on the inner strategy's settings."""
        return self.strategy.trainer_settings()

    def init(self) -> State:
        """Hold the inner state, the reward window and the best window so far."""
        return {"inner": self.strategy.init(), "window": [], "best": None, "waited": 0, "resets": 0}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Shape as the inner strategy does."""
        shaped, inner = self.strategy.shape(rollouts, state["inner"])
        return shaped, {**state, "inner": inner}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[list[int] | None, State]:
        """Pick as the inner strategy does."""
        picked, inner = self.strategy.pick_prompts(pool, state["inner"])
        return None if picked is None else list(picked), {**state, "inner": inner}

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Reset if the trigger fires, after the inner strategy's own reactions."""
        events, inner = self.strategy.react(progress, state["inner"])
        state = {**state, "inner": inner}
        cause, state = self._every(progress, state) if self.trigger == "every" else self._plateau(progress, state)
        if cause is None:
            return events, state
        return [*events, Event(kind=self.action, cause=cause)], {**state, "resets": state["resets"] + 1}

    def _every(self, progress: Progress, state: State) -> tuple[str | None, State]:
        due = progress.step % self.every_steps == 0
        return (f"every {self.every_steps} steps" if due else None), state

    def _plateau(self, progress: Progress, state: State) -> tuple[str | None, State]:
        window = [*state["window"], progress.reward][-self.window_steps :]
        state = {**state, "window": window}
        if len(window) < self.window_steps:
            return None, state
        mean = sum(window) / len(window)
        if state["best"] is None or mean > state["best"] + self.min_gain:
            return None, {**state, "best": mean, "waited": 0}
        waited = state["waited"] + 1
        if waited < self.patience_steps:
            return None, {**state, "waited": waited}
        cause = (
            f"mean reward of {self.window_steps} steps has not passed {state['best'] + self.min_gain:.4f} "
            f"for {waited} steps (now {mean:.4f})"
        )
        return cause, {**state, "best": mean, "waited": 0}
