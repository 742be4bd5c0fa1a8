"""When to stop trying: a cell that gets nowhere, or has had its share of attempts and hours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from harness.errors import CauseKind, CellError
from harness.plan.schema import Limits
from harness.store.attempts import Attempt

FRUITLESS = 2
"""Jobs in a row that leave a cell where they found it."""
UNASKED: frozenset[CauseKind] = frozenset(
    {"killed", "preempted", "requeued", "time limit", "node failure", "rank lost", "lost lease"}
)
"""Causes after which a cell is tried again without anybody asking for it."""


def in_a_row(made: Sequence[Attempt]) -> list[Attempt]:
    """Return the last attempts that nobody asked for one by one, oldest first: a retry by the user counts anew."""
    unasked = takewhile(lambda attempt: attempt.cause is not None and attempt.cause["kind"] in UNASKED, reversed(made))
    return list(unasked)[::-1]


def require_within(limits: Limits, made: Sequence[Attempt], now: Attempt) -> None:
    """Raise if a cell has been tried often and long enough.

    Args:
        limits: Of the plan.
        made: All attempts before this one.
        now: This one, with what it has found.

    Raises:
        CellError: With the cause of the last attempt in its message.
    """
    earlier = in_a_row(made)
    if not earlier:
        return
    cause = earlier[-1].cause or {}
    last = f"the last one ended so: {cause.get('kind')}: {cause.get('message')}"
    jobs = [attempt for attempt in earlier if attempt.job][-FRUITLESS:]
    if len(jobs) == FRUITLESS and all(attempt.found == now.found for attempt in jobs) and now.found:
        where = f"step {now.found['step']}, {now.found['records']} files of records"
        raise CellError("no progress", f"{FRUITLESS} jobs in a row left the cell where they found it ({where}); {last}")
    if len(earlier) >= limits.attempts:
        raise CellError("limit reached", f"{len(earlier)} attempts, and the plan allows {limits.attempts}; {last}")
    if hours_of(earlier) >= limits.hours:
        raise CellError("limit reached", f"{hours_of(earlier):.1f} h, and the plan allows {limits.hours:g}; {last}")


def hours_of(made: Sequence[Attempt]) -> float:
    """Return how long attempts took, together."""
    return sum(attempt.seconds() for attempt in made) / 3600
