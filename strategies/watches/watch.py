"""What a watch is: it measures each batch, and says whether what it measures is a cause for alarm.

A watch never changes a run by itself. The log shows what it says; a strategy may be made to listen to it
(`with_resets`, `hybrid`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from strategies.contract import State
from strategies.parameters import require_ranges
from strategies.progress import Progress
from strategies.rollouts import Rollouts
from strategies.run import RunSettings
from strategies.signals import SignalName


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a watch says after a step."""

    alarm: bool
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What it measured and what it compares that with, by name, in the field's units."""
    because: str = ""
    """The evidence in one clause, when it alarms; "" otherwise."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Looks at a run; a subclass says at what."""

    name: ClassVar[str]
    """As plans, logs and parameters call it."""

    def __post_init__(self) -> None:
        require_ranges(self)

    def needs(self) -> frozenset[SignalName]:
        """Return the signals that `measure` reads."""
        return frozenset()

    def check(self, run: RunSettings) -> None:
        """Raise ValueError if the watch could see nothing in `run`."""

    def init(self) -> State:
        """Return the state before the first step: numbers, strings, tensors, and dictionaries and lists of them."""
        return {}

    def measure(self, rollouts: Rollouts) -> Mapping[str, float]:
        """Return numbers about a batch; changes nothing, and draws nothing from the rollouts' generator."""
        return {}

    def cosines(self, rollouts: Rollouts) -> Mapping[str, Tensor]:
        """Return cosines worth counting in bins, as `Shaped.cosines` of a strategy; as little may change as above."""
        return {}

    def judge(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[Verdict, State]:
        """Return what there is to say after a step, and the next state.

        Args:
            measured: What `measure` said of the step's batch.
            progress: Where the run stands.
            state: As the step before left it.
        """
        raise NotImplementedError
