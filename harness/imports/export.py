"""All results of a run in one table, which `import` reads again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.evaluation.records import read_records
from harness.store.atomic import replacing
from harness.store.paths import RunPaths
from harness.store.status import read_cells

FORMATS = (".csv", ".json", ".parquet")


def write_table(run: RunPaths, path: Path, *, samples: bool) -> int:
    """Write the results of every cell, and return the number of rows.

    Args:
        run: The run.
        path: Ends in .csv, .json (lines) or .parquet.
        samples: A row for each sample with its answer and text, not for each item with its counts.

    Raises:
        ValueError: If the name ends otherwise, or there is nothing to write.
    """
    import pandas as pd

    if path.suffix not in FORMATS:
        raise ValueError(f"{path}: expected a name that ends in {', '.join(FORMATS)}")
    table = pd.DataFrame(list(_rows(run, samples)))
    if table.empty:
        raise ValueError(f"{run.root}: no records yet, so there is nothing to export; queue its plan first")
    with replacing(path) as partial:
        if path.suffix == ".csv":
            table.to_csv(partial, index=False)
        elif path.suffix == ".json":
            table.to_json(partial, orient="records", lines=True)
        else:
            table.to_parquet(partial, index=False)
    return len(table)


def _rows(run: RunPaths, samples: bool) -> Iterator[dict[str, Any]]:
    for status in read_cells(run):
        for file in sorted(run.cell(status.id).records.glob("*.parquet")):
            key, items = read_records(file)
            head = {
                "cell": status.id,
                "arm": key.arm,
                "seed": key.seed,
                "checkpoint": key.checkpoint,
                "share": key.share,
                "suite": key.suite,
                "suite_sha256": key.suite_sha256,
            }
            for item in items:
                if not samples:
                    yield {**head, "item": item.item, "correct": item.correct, "samples": item.samples}
                    continue
                columns = zip(
                    item.grades, item.outcomes, item.answers, item.texts, item.tokens, item.truncated, strict=True
                )
                for number, (grade, outcome, answer, text, tokens, truncated) in enumerate(columns):
                    yield {
                        **head,
                        "item": item.item,
                        "sample": number,
                        "correct": int(grade),
                        "outcome": outcome,
                        "answer": answer,
                        "text": text,
                        "tokens": tokens,
                        "truncated": truncated,
                    }
