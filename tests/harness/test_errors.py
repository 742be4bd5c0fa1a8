"""What escapes a cell becomes its cause."""

from __future__ import annotations

import errno
import shutil

import pytest

from harness.errors import MESSAGE_CHARACTERS, CellError, PlanError, attributing


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (MemoryError(), "out of memory", "MemoryError"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory", "RuntimeError: CUDA out of mem"),
        (OSError(errno.ENOSPC, "No space left on device", "a.pt"), "disk full", "OSError: [Errno 28] No space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk full", "OSError: [Errno 122] Disk quota exceeded"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk full", "RuntimeError: I/O error: No"),
        (
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 1 vs 2"),
            "disk full",
            "RuntimeError",
        ),
        (
            shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")]),
            "disk full",
            "Error: [('a', 'b'",
        ),
        (OSError(errno.EACCES, "Permission denied", "a.pt"), "error", "PermissionError: [Errno 13] Permission denied"),
        (KeyError("x"), "error", "KeyError: 'x'"),
        (
            RuntimeError("probability tensor contains either `inf`, `nan` or element < 0"),
            "diverged",
            "RuntimeError: probability tensor",
        ),
    ],
)
def test_what_escapes_is_attributed(error: Exception, kind: str, message: str) -> None:
    with pytest.raises(CellError) as caught, attributing():
        raise error
    assert caught.value.kind == kind
    assert caught.value.message.startswith(message)
    assert str(caught.value) == f"{kind}: {caught.value.message}"
    assert caught.value.__cause__ is error


def test_a_cause_is_one_line_of_bounded_length() -> None:
    with pytest.raises(CellError) as caught, attributing():
        raise RuntimeError("one\ntwo  three " + "x" * 1000)
    assert caught.value.message.startswith("RuntimeError: one two three xxx")
    assert len(caught.value.message) == MESSAGE_CHARACTERS
    assert caught.value.message.endswith("x…")


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
