"""What escapes a cell becomes its cause."""

from __future__ import annotations

import errno

import pytest

from harness.errors import CellError, PlanError, attributing


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (MemoryError(), "out of memory", "the process ran out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory", "RuntimeError: CUDA out of mem"),
        (OSError(errno.ENOSPC, "No space left on device", "a.pt"), "disk full", "No space left on device: a.pt"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk full", "Disk quota exceeded: no file named"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk full", "RuntimeError: I/O error: No"),
        (OSError(errno.EACCES, "Permission denied", "a.pt"), "error", "PermissionError: [Errno 13] Permission denied"),
        (KeyError("x"), "error", "KeyError: 'x'"),
    ],
)
def test_what_escapes_is_attributed(error: Exception, kind: str, message: str) -> None:
    with pytest.raises(CellError) as caught, attributing():
        raise error
    assert caught.value.kind == kind
    assert caught.value.message.startswith(message)
    assert str(caught.value) == f"{kind}: {caught.value.message}"
    assert caught.value.__cause__ is error


def test_a_cause_that_is_known_already_passes_through() -> None:
    known = CellError("diverged", "loss is nan")
    with pytest.raises(CellError) as caught, attributing():
        raise known
    assert caught.value is known


def test_an_interruption_is_no_error() -> None:
    with pytest.raises(KeyboardInterrupt), attributing():
        raise KeyboardInterrupt


def test_a_plans_problems_are_lines() -> None:
    error = PlanError(["plan.yaml, line 1: a", "plan.yaml, line 2: b"])
    assert error.problems == str(error).split("\n") == ["plan.yaml, line 1: a", "plan.yaml, line 2: b"]
