"""The watches of a run: they look at every batch, judge every step, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from strategies import Progress, Rollouts, Shaped, SignalName, State
from strategies.watches import Watch

if TYPE_CHECKING:
    from harness.training.trainer import StrategyTrainer


def signals_of(watches: Sequence[Watch]) -> frozenset[SignalName]:
    """Return the signals that `watches` read."""
    return frozenset[SignalName]().union(*(watch.needs() for watch in watches))


@dataclass(kw_only=True)
class Watching:
    """Takes the watches through a run; what they cost is booked as watching, outside the budget."""

    watches: Sequence[Watch]
    trainer: StrategyTrainer
    states: dict[str, State] = field(init=False)
    """What each watch remembers, by its name; a checkpoint holds it."""
    cosines: dict[str, Tensor] = field(init=False, default_factory=dict)
    """Of the latest batch, by what they are between."""
    _measured: dict[str, Mapping[str, float]] = field(init=False)

    def __post_init__(self) -> None:
        self.states = {watch.name: watch.init() for watch in self.watches}
        self._measured = {watch.name: {} for watch in self.watches}

    def __call__(self, rollouts: Rollouts, advantages: Tensor, shaped: Shaped | None) -> None:
        """Measure a batch that is about to be trained on."""
        with self.trainer.meter.phase("watch"):
            missing = signals_of(self.watches) - rollouts.signals.keys()
            if missing and self.trainer.latest is not None:
                made = self.trainer.signals.make(self.trainer.latest, self.trainer.policy, missing, "", "watch")
                rollouts = replace(rollouts, signals={**rollouts.signals, **made})
            for watch in self.watches:
                self._measured[watch.name] = watch.measure(rollouts)
            self.cosines = {name: found for watch in self.watches for name, found in watch.cosines(rollouts).items()}

    def judged(self, progress: Progress) -> dict[str, Any]:
        """Return what each watch says of a step, as the log has it."""
        said = {}
        for watch in self.watches:
            verdict, state = watch.judge(self._measured[watch.name], progress, self.states[watch.name])
            self.states[watch.name] = state
            said[watch.name] = {"alarm": verdict.alarm, "numbers": dict(verdict.numbers), "because": verdict.because}
        return said
