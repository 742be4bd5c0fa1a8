"""When a reset comes: at fixed steps, by lot, or when a watch raises its alarm; never too soon, never too often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from strategies.contract import State
from strategies.progress import Progress
from strategies.watches import WATCHES
from strategies.watches.watch import Watch

Trigger = Literal["every", "random", "plateau", "diversity", "drift", "collapse"]


def watch_of(trigger: Trigger, threshold: float | None, window_steps: int) -> Watch | None:
    """Return the watch that `trigger` names; None for a trigger that looks at nothing.

    Args:
        trigger: What a reset waits for.
        threshold: Where the watch raises its alarm, in its own units; None leaves it to the watch.
        window_steps: Steps that the watch looks back over.
    """
    if trigger in ("every", "random"):
        return None
    made: Callable[..., Watch] = WATCHES[trigger]
    return made(threshold=threshold, window_steps=window_steps)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timer:
    """Says after each step whether a reset is due, and why."""

    trigger: Trigger
    every_steps: int
    """Of trigger every."""
    mean_steps: float
    """Of trigger random."""
    watch: Watch | None
    """Of any other trigger."""
    cool_down_steps: int
    """Steps after a reset in which no other comes."""
    most: int | None
    """Resets in a run; None: as many as come."""

    def init(self) -> State:
        """Return the state before the first step."""
        return {"resets": 0, "cooling": 0, "watch": {} if self.watch is None else self.watch.init()}

    def ask(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[str | None, State]:
        """Return the cause of a reset that is due now, or None, and the next state.

        The trigger goes on in a cool-down and is not listened to: a watch sees every step, so that what it says when
        the cool-down is over is about the steps since the reset, and what it learned before that is not lost.

        Args:
            measured: What the watch said of the step's batch.
            progress: Where the run stands.
            state: As the step before left it.
        """
        if self.most is not None and state["resets"] >= self.most:
            return None, state
        cause, state = self._cause(measured, progress, state)
        if state["cooling"] > 0:
            return None, {**state, "cooling": state["cooling"] - 1}
        if cause is None:
            return None, state
        return cause, {**state, "resets": state["resets"] + 1, "cooling": self.cool_down_steps}

    def _cause(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[str | None, State]:
        if self.watch is not None:
            verdict, seen = self.watch.judge(measured, progress, state["watch"])
            return (f"{self.trigger}: {verdict.because}" if verdict.alarm else None), {**state, "watch": seen}
        if self.trigger == "every":
            due = progress.step % self.every_steps == 0
            return (f"every {self.every_steps} steps" if due else None), state
        due = torch.rand((), generator=progress.generator).item() < 1 / self.mean_steps
        return (f"at random, once in {self.mean_steps:g} steps on average" if due else None), state

    @property
    def every_gap_steps(self) -> int:
        """Steps from one reset to the next with trigger every."""
        return self.every_steps * (self.cool_down_steps // self.every_steps + 1)
