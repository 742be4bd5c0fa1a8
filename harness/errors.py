"""What can go wrong, by the boundary that it crossed: the plan before anything is spent, or a cell while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

CauseKind = Literal[
    "diverged", "out of memory", "disk full", "grader error", "checkpoint damaged", "killed", "interrupted", "error"
]


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
    import errno

    try:
        yield
    except CellError:
        raise
    except MemoryError as error:
        raise CellError("out of memory", str(error) or "the process ran out of memory") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CellError("disk full", f"{error.strerror}: {error.filename or 'no file named'}") from error
        raise CellError("error", f"{type(error).__name__}: {error}") from error
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        if "out of memory" in text.lower():
            raise CellError("out of memory", text) from error
        if "no space left on device" in text.lower() or "os error 28" in text.lower():
            raise CellError("disk full", text) from error  # safetensors and torch wrap ENOSPC
        raise CellError("error", text) from error
