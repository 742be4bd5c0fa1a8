"""Tables as they were read the last time, beside the run; they may be deleted at any time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from harness.store.paths import RunPaths
from reports.read.files import CellFile
from reports.read.plan import PlanView

if TYPE_CHECKING:
    import pandas as pd

STATE = b"state"
READERS = ("reports.read", "reports.statistics", "harness.store")
"""Where the code is that makes tables of a cell's files."""


class Kept(NamedTuple):
    """What is still true of a kept table."""

    table: pd.DataFrame
    cells: tuple[str, ...]
    """Those that are today as they were when it was kept; rows of others are in the table too."""


def states(plan: PlanView, cells: Sequence[CellFile]) -> dict[str, str]:
    """Return for each cell what stands for its files, the suites that are asked for, and the code that reads."""
    asked = _hash(reader=_reader(), suites=[repr(suite) for suite in plan.suites])
    return {cell.id: _hash(asked=asked, files=cell.signature()) for cell in cells}


def kept_table(run: RunPaths, name: str, state: Mapping[str, str]) -> Kept:
    """Return a table as it was kept; nothing where there is none, or it can't be read.

    Args:
        run: Whose it is.
        name: Of the table.
        state: What stands for the files of each cell, and for how they are read, today.
    """
    import pandas as pd
    import pyarrow as pa
    from pyarrow import feather

    try:
        table = feather.read_table(run.kept(name))
        then = json.loads((table.schema.metadata or {})[STATE])
        same = tuple(cell for cell, one in state.items() if then.get(cell) == one)
        return Kept(table.to_pandas() if same else pd.DataFrame(), same)
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return Kept(pd.DataFrame(), ())


def keep_table(run: RunPaths, name: str, table: pd.DataFrame, state: Mapping[str, str]) -> None:
    """Keep a table for the next time; where nothing can be written, the next time reads all again."""
    import pyarrow as pa
    from pyarrow import feather

    from harness.store.atomic import replacing

    whole = pa.Table.from_pandas(table, preserve_index=False)
    known = {**(whole.schema.metadata or {}), STATE: json.dumps(dict(state)).encode()}
    with suppress(OSError), replacing(run.kept(name)) as path:
        feather.write_feather(whole.replace_schema_metadata(known), str(path), compression="lz4")


def _reader() -> str:
    """Return what stands for the code that reads: other code may read the same files otherwise."""
    found = [one for package in READERS for one in sorted(files(package).iterdir(), key=lambda one: one.name)]
    return "".join(hashlib.sha256(one.read_bytes()).hexdigest() for one in found if one.name.endswith(".py"))


def _hash(**facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
