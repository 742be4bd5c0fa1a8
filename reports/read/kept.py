"""Tables as they were read the last time, beside the run; they may be deleted at any time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from harness.store.paths import RunPaths

if TYPE_CHECKING:
    import pandas as pd

STATE = b"state"


class Kept(NamedTuple):
    """What is still true of a kept table."""

    table: pd.DataFrame
    cells: tuple[str, ...]
    """Those that are today as they were when it was kept; rows of others are in the table too."""


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
