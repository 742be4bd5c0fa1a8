"""Waiting for something to become true, with an end to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
INTERVAL_S = 0.1


class NeverHappenedError(AssertionError):
    """What was waited for did not come true in time."""


def until(what: str, look: Callable[[], T], *, seconds: float = 30, explain: Callable[[], str] = str) -> T:
    """Return what `look` says as soon as it is true.

    Args:
        what: Is waited for, in words.
        look: Is asked every 0.1 s.
        seconds: How long.
        explain: Says how things stand, when it is too late.

    Raises:
        NeverHappenedError: If it isn't true in time.
    """
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() > end
        found = look()
        if found:
            return found
        if late:
            raise NeverHappenedError(f"waited {seconds:g} s for {what}, in vain\n{explain()}")
        time.sleep(INTERVAL_S)
