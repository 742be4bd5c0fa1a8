"""What can go wrong, by the boundary that it crossed: the plan before anything is spent, or a cell while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from harness.store.atomic import FULL

CauseKind = Literal[
    "diverged",
    "out of memory",
    "disk full",
    "grader error",
    "checkpoint damaged",
    "killed",
    "interrupted",
    "preempted",
    "requeued",
    "time limit",
    "node failure",
    "rank lost",
    "cancelled",
    "lost lease",
    "taken",
    "no progress",
    "limit reached",
    "error",
]
PAUSES: frozenset[CauseKind] = frozenset(
    {"interrupted", "preempted", "requeued", "time limit", "node failure", "rank lost", "cancelled", "lost lease"}
)
"""Causes from outside: the cell itself is well, and goes on from where it was."""

LEFT_NO_WORD = "another rank of this cell is gone and left no word"
"""Of `rank lost`, whether it is seen by a broken connection or by the scheduler's signal."""

DISK_FULL_WORDS = ("no space left on device", "os error 28", "pytorchstreamwriter failed writing", "unexpected pos")
"""What safetensors (the second) and torch (the last two) say when a write finds no room."""
DIVERGED_WORDS = "probability tensor contains either `inf`, `nan`"
"""What torch says when it samples from a model whose weights are no numbers any more."""
MESSAGE_CHARACTERS = 300
"""A cause is one line; all of it is in the attempt's log."""


class PlanError(ValueError):
    """A plan that can't be run as it stands. One line a problem: where, what was got, what was expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StoreError(ValueError):
    """A run folder that isn't what it should be."""


class CellError(RuntimeError):
    """The end of an attempt at a cell: a row with its cause, not a crash of the plan."""

    def __init__(self, kind: CauseKind, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


@contextmanager
def attributing() -> Iterator[None]:
    """Re-raise whatever escapes the block as a CellError with its cause; a CellError passes through."""
    try:
        yield
    except CellError:
        raise
    except Exception as error:
        raise CellError(_kind_of(error), _one_line(f"{type(error).__name__}: {error}")) from error


def _kind_of(error: Exception) -> CauseKind:
    """Return the cause behind an error; libraries wrap the numbers of the operating system in prose."""
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError) and error.errno in FULL:
        return "disk full"
    text = str(error).lower()
    if "out of memory" in text:
        return "out of memory"
    if DIVERGED_WORDS in text:
        return "diverged"
    return "disk full" if any(words in text for words in DISK_FULL_WORDS) else "error"


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MESSAGE_CHARACTERS else flat[: MESSAGE_CHARACTERS - 1] + "…"
