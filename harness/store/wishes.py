"""What a user wants of a cell beyond what the plan says: that it rests, or is tried again after it failed."""

from __future__ import annotations

import json
from typing import Literal, NamedTuple

from harness.store.atomic import write_json
from harness.store.paths import CellPaths


class Wish(NamedTuple):
    """What is wanted."""

    wanted: Literal["rest", "retry"]
    attempt: int
    """The last attempt when it was wished. A retry is for that failure, and not for the next one."""


def read_wish(paths: CellPaths) -> Wish | None:
    """Return what is wanted of a cell; None if nothing is, or if it can't be read."""
    try:
        said = json.loads(paths.wish.read_bytes())
        return Wish(said["wanted"], int(said["attempt"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_to_rest(paths: CellPaths) -> bool:
    """Return whether a cell has been cancelled."""
    wish = read_wish(paths)
    return wish is not None and wish.wanted == "rest"


def write_wish(paths: CellPaths, wish: Wish | None) -> None:
    """Replace what is wanted of a cell; None takes it back."""
    if wish is None:
        paths.wish.unlink(missing_ok=True)
    else:
        write_json(paths.wish, wish._asdict())
