"""Timing two things in turn, so that what else the machine does falls on both."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

REPEATS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the benchmark table."""

    what: str
    peer: str
    ours_s: float
    """Median wall seconds."""
    peer_s: float
    target: str
    command: str

    @property
    def ratio(self) -> float:
        """Ours by the peer's."""
        return self.ours_s / self.peer_s

    def markdown(self) -> str:
        """Return the line as Markdown."""
        cells = (
            self.what,
            self.peer,
            f"{self.ours_s:.3f} s",
            f"{self.peer_s:.3f} s",
            f"{self.ratio:.3f}",
            self.target,
            f"`{self.command}`",
        )
        return "| " + " | ".join(cells) + " |"


HEADER = "| what | against | ours | theirs | ratio | target | command |\n|---|---|---|---|---|---|---|"


def in_turn(ours: Callable[[], float], peer: Callable[[], float], repeats: int = REPEATS) -> tuple[float, float]:
    """Return the median seconds of `ours` and of `peer`, run alternately; each returns the seconds that count."""
    pairs = [(ours(), peer()) if turn % 2 else (peer(), ours())[::-1] for turn in range(repeats)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
