"""Drift: how far has the policy gone from the model that it started as?

The forward KL from the base model to the policy, on answers that the base model gave, is what predicts how much is
forgotten. It takes a pass through the policy, so it is measured only now and then.

Formula:
    drift = mean over tokens y_t ~ π_0 of KL(π_0(·|y_<t) ‖ π(·|y_<t)), in nats a token. Alarm: above `threshold`, by
    default ten times its largest value in the first tenth of the run, and at least 0.05: farther than a run would come
    that went on at the pace it began with.

Source:
    Shenfeld et al. 2025 (RL's Razor), arXiv 2509.04259: forward KL explains forgetting with R² 0.96 in a toy task and
    0.71 for language models, reverse KL, total variation and distances of weights less.

Known defects:
    It is measured on answers to the training task, as in the source; what is forgotten is elsewhere. KL does not grow
    in proportion to steps, so the default threshold is a rule of thumb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from strategies.contract import State
from strategies.parameters import Range
from strategies.progress import Progress
from strategies.watches.level import FIRST_SHARE
from strategies.watches.watch import Verdict, Watch

EARLY = 5
"""Times as often it is measured in the first tenth, whose largest value the default threshold hangs on."""
FLOOR = 0.05
"""Nats a token; the least default threshold."""


@dataclass(frozen=True, kw_only=True)
class Drift(Watch):
    """Alarms when the policy has gone far from the model it started as; the module says the rest."""

    name: ClassVar[str] = "drift"

    threshold: Annotated[float | None, Range(least=0)] = None
    """Nats a token above which it alarms; None: ten times the most of the first tenth of the run, at least 0.05."""
    window_steps: Annotated[int, Range(least=1)] = 10
    """Steps from one measurement to the next, a fifth of that in the first tenth; in between the last one stands."""

    def init(self) -> State:
        """Hold the last measurement, and the largest of the first tenth."""
        return {"drift": None, "first": 0.0}

    def judge(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[Verdict, State]:
        """Measure if it is time, and alarm above the threshold."""
        early = progress.share <= FIRST_SHARE
        gap = max(1, self.window_steps // EARLY) if early else self.window_steps
        if (progress.step - 1) % gap == 0:
            now = progress.drift()
            counts = early or state["drift"] is None
            state = {"drift": now, "first": max(state["first"], now) if counts else state["first"]}
        if state["drift"] is None:
            return Verdict(alarm=False), state
        most = self.threshold
        if most is None and not early:
            most = max(10 * state["first"], FLOOR)
        numbers = {"drift": state["drift"]} if most is None else {"drift": state["drift"], "threshold": most}
        if most is None or state["drift"] <= most:
            return Verdict(alarm=False, numbers=numbers), state
        because = f"the forward KL from the base model was {state['drift']:.3g} nats a token, above {most:.3g}"
        return Verdict(alarm=True, numbers=numbers, because=because), state
