"""The error of this package, and the look-up that teaches."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class SuiteError(ValueError):
    """A suite or task that is unknown, or whose frozen items are not what they were."""


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """Return `table[name]`.

    Raises:
        SuiteError: If there is no such entry; the message has the nearest name and all names.
    """
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise SuiteError(f"no {kind} named {name!r}.{hint} Known: {', '.join(sorted(table))}")
