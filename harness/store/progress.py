"""How far a cell has got, as a few numbers that only grow while it gets on."""

from __future__ import annotations

from harness.store.atomic import read_lines
from harness.store.paths import CellPaths


def found(paths: CellPaths) -> dict[str, int]:
    """Return the last step that any attempt has logged, the files of records, and the bytes of answers kept so far."""
    steps = [int(line["step"]) for line in read_lines(paths.train) if isinstance(line.get("step"), int)]
    answers = paths.records.glob("*.answers/*.jsonl")
    return {
        "step": max(steps, default=0),
        "records": sum(1 for _ in paths.records.glob("*.parquet")),
        "answer_bytes": sum(file.stat().st_size for file in answers),
    }
