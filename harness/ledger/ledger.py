"""The ledger of one cell: one line per step and phase, appended as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from harness.store.atomic import append_line

Phase = Literal["generate", "score", "update", "select", "evaluate", "watch"]
OUTSIDE: frozenset[Phase] = frozenset({"evaluate", "watch"})
"""Phases that are no part of training, and count against no budget."""
UNITS = ("generated_tokens", "flops", "device_seconds", "steps")


@dataclass(kw_only=True, slots=True)
class Use:
    """Compute used in one phase of one step."""

    step: int
    phase: Phase
    part: str = ""
    """The strategy that asked for it; empty for what every arm does."""
    checkpoint: int | None = None
    suite: str | None = None
    generated_tokens: int = 0
    forward_tokens: int = 0
    backward_tokens: int = 0
    forward_flops: float = 0.0
    backward_flops: float = 0.0
    device_seconds: float = 0.0
    peak_memory_bytes: int | None = None
    """The most until then, of the GPU's allocator, or of the process where there is no GPU; None where unknown."""
    energy_joules: float | None = None
    """Of GPU and processors, whatever else ran on them; None where nothing counts it."""


@dataclass(kw_only=True, slots=True)
class Spent:
    """What the surviving part of a cell's training has used, in every unit a budget may have."""

    generated_tokens: int = 0
    flops: float = 0.0
    device_seconds: float = 0.0
    steps: int = 0

    def of(self, unit: str) -> float:
        """Return the amount in `unit`."""
        return float(getattr(self, unit))

    def as_dict(self) -> dict[str, Any]:
        """Return the amounts by unit."""
        return asdict(self)


@dataclass(kw_only=True, slots=True)
class Ledger:
    """Appends uses to a cell's ledger file and keeps the sum of its training."""

    path: Path
    attempt: int
    spent: Spent = field(default_factory=Spent)
    allowed: Callable[[], None] = lambda: None
    """Raises if the attempt may not write any more."""
    writes: bool = True
    """Whether this process is the one that writes: of the ranks of a cell, all count and the first one writes."""
    held: int = 1
    """Ranks whose devices are held while one of them evaluates."""

    def step(self, uses: Iterable[Use]) -> None:
        """Book the uses of one optimizer step; what its watches used stays outside the budget."""
        self.spent.steps += 1
        self.also(uses)

    def also(self, uses: Iterable[Use]) -> None:
        """Book uses that belong to a step that has been booked: what follows from it."""
        for use in uses:
            if use.phase not in OUTSIDE:
                self._count(use)
            self._write(use)

    def _count(self, use: Use) -> None:
        self.spent.generated_tokens += use.generated_tokens
        self.spent.flops += use.forward_flops + use.backward_flops
        self.spent.device_seconds += use.device_seconds

    def aside(self, use: Use) -> None:
        """Book a use that is outside the budget: evaluation."""
        self._write(replace(use, device_seconds=use.device_seconds * self.held))

    def _write(self, use: Use) -> None:
        if not self.writes:
            return
        self.allowed()
        append_line(self.path, {"attempt": self.attempt, **asdict(use)})
