"""The columns of what a cell writes, for those who write it and those who read it."""

from __future__ import annotations

import pyarrow as pa

# One row per (cell, checkpoint, suite, item). K = samples drawn for the item. No clock times: the same cell
# gives the same bytes whenever and however often it was interrupted.
RECORD_SCHEMA = pa.schema(
    [
        ("arm", pa.string()),
        ("seed", pa.int64()),
        ("checkpoint", pa.int64()),
        ("share", pa.float64()),  # of the budget that the checkpoint stands at, 0..1
        ("suite", pa.string()),
        ("suite_sha256", pa.string()),
        ("item", pa.string()),
        ("samples", pa.int64()),  # K
        ("correct", pa.int64()),  # 0..K
        ("grades", pa.list_(pa.bool_())),  # (K,)
        ("answers", pa.list_(pa.string())),  # (K,) canonical final answers; null where none could be read
        ("texts", pa.list_(pa.string())),  # (K,) what the model wrote
        ("tokens", pa.list_(pa.int64())),  # (K,) generated, end-of-text included
        ("truncated", pa.list_(pa.bool_())),  # (K,) ran into the token cap
    ]
)
