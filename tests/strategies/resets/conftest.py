"""A watch that alarms when told to, in the place of those that look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest

from strategies import Progress, Range, Rollouts, RunSettings, SignalName, State
from strategies.watches import WATCHES
from strategies.watches.watch import Verdict, Watch


@dataclass(frozen=True, kw_only=True)
class Low(Watch):
    """Alarms when the mean entropy of its window, all of it seen, is below the threshold."""

    name: ClassVar[str] = "low"
    threshold: float | None = None
    window_steps: Annotated[int, Range(least=1)] = 1

    def needs(self) -> frozenset[SignalName]:
        return frozenset({"entropy"})

    def check(self, run: RunSettings) -> None:
        if run.temperature == 0:
            raise ValueError("nothing to see")

    def init(self) -> State:
        return {"seen": []}

    def measure(self, rollouts: Rollouts) -> Mapping[str, float]:
        return {"entropy": rollouts.token_mean(rollouts.signals["entropy"]).mean().item()}

    def judge(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[Verdict, State]:
        seen = [*state["seen"], measured["entropy"]][-self.window_steps :]
        mean, bound = sum(seen) / len(seen), 0.0 if self.threshold is None else self.threshold
        low = len(seen) == self.window_steps and mean < bound
        return Verdict(alarm=low, because=f"{mean:.2f} < {bound:.2f}" if low else ""), {"seen": seen}


@pytest.fixture
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the watch in the place of collapse."""
    monkeypatch.setitem(WATCHES, "collapse", Low)
