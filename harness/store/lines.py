"""Lines that say of which attempt and step they are: training logs, ledgers, ranked paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.store.atomic import read_lines

PLACE = ("attempt", "step")


def placed_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, each with its attempt and step as whole numbers; half-written ones are passed over.

    Raises:
        StoreError: If the file can't be read, or a line doesn't say where it belongs.
    """
    try:
        lines = read_lines(path)
    except OSError as error:
        raise StoreError(
            f"{path}: can't be read ({error.strerror}); look at its permissions, or take it away"
        ) from error
    for line in lines:
        for name in PLACE:
            if not isinstance(line.get(name), int):
                raise StoreError(
                    f"{path}: a line has {name} {line.get(name)!r}, expected a whole number; take the line out, or the "
                    "file away: a report says what it then doesn't know"
                )
    return lines
