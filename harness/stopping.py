"""Being asked to stop from outside, and saying so as the cause of an attempt's end."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import CellError

Stop = Callable[[], CellError | None]
"""Looked at where a cell can be left: the cause if it must be left now, None if it may go on."""


def never() -> None:
    """Go on."""
