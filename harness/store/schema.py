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
        ("outcomes", pa.list_(pa.string())),  # (K,) right, wrong, unreadable, empty, timeout or error
        ("answers", pa.list_(pa.string())),  # (K,) canonical final answers; null where none could be read
        ("texts", pa.list_(pa.string())),  # (K,) what the model wrote; null once the file's budget for texts is spent
        ("tokens", pa.list_(pa.int64())),  # (K,) generated, end-of-text included
        ("truncated", pa.list_(pa.bool_())),  # (K,) ran into the token cap
    ]
)

OUTCOMES = ("right", "wrong", "unreadable", "empty", "timeout", "error")
"""What became of an answer: only the first two were graded on what they say."""
SETTINGS_KEY = b"explorebench.settings"
"""In the metadata of a file of records: the hash of all that decided them."""
FACTS_KEY = b"explorebench.facts"
"""The same as JSON: the evaluation's key, and the terms of its suite."""
SUMMARY_KEY = b"explorebench.summary"
"""Whose records these are, and counts over all items, as JSON, so that a table is made of headers alone."""
