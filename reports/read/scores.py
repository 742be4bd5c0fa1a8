"""Records -> one row per cell, checkpoint and suite."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.store.schema import FACTS_KEY, SUMMARY_KEY
from reports.errors import ReportError
from reports.read.aggregation import AVERAGE, item_scores
from reports.read.files import CellFile
from reports.read.frames import frame
from reports.read.plan import PlanView, SuiteView
from reports.statistics import pass_at_k

if TYPE_CHECKING:
    import pandas as pd

VOTES = ("correct", "samples", "answers", "grades")
"""Columns of a record that majority votes are made of; all else is in its header."""

SCORE_COLUMNS = (
    "cell", "arm", "seed", "checkpoint", "share", "suite", "items", "samples",
    "score", "k", "pass_at_k", "measurement_sd", "truncated", "unread", "empty", "failed", "tokens",
)  # fmt: skip
"""`score` is avg@K, or what the suite's aggregation says, `pass_at_k` pass@k at `k`; `measurement_sd` is the standard
deviation of repeated evaluations (NaN where unknown); `truncated`, `unread` (text without an answer), `empty` and
`failed` (the grader took too long, or failed) are shares of answers: all 0..1; `tokens` is the mean length of an
answer."""


def read_scores(plan: PlanView, cells: Iterable[CellFile]) -> pd.DataFrame:
    """Return the scores of all cells, columns `SCORE_COLUMNS`, in the order of cells, checkpoints and suites.

    Raises:
        ReportError: If a record was made with other items than the plan's, or can't be read.
    """
    order = {suite.name: place for place, suite in enumerate(plan.suites)}
    rows: list[dict[str, Any]] = []
    for cell in cells:
        read = [_score_row(path, plan, cell.id) for path in sorted(cell.paths.records.glob("*.parquet"))]
        found = [row for row in read if row is not None]
        rows += sorted(found, key=lambda row: (row["checkpoint"], order[row["suite"]]))
    return frame(rows, SCORE_COLUMNS)


def _score_row(path: Path, plan: PlanView, cell_id: str) -> dict[str, Any] | None:
    """Return the row of one file; None for what the plan doesn't ask for (any more): another suite, another K."""
    found = _summary(path)
    record, correct = found["record"], found["correct"]
    asked = {suite.name: suite for suite in plan.suites}.get(record["suite"])
    if asked is None or {samples for _, samples, _ in correct} != {asked.samples}:
        return None
    _check_hash(path, asked, record["suite_sha256"])
    counts = {right: items for right, _, items in correct}
    items, samples, outcomes = found["items"], asked.samples, found["outcomes"]
    k, answers = max(1, samples // 2), items * samples
    return {
        "cell": cell_id,
        "arm": record["arm"],
        "seed": record["seed"],
        "checkpoint": record["checkpoint"],
        "share": record["share"],
        "suite": asked.name,
        "items": items,
        "samples": samples,
        "score": _score(path, asked.aggregation, counts, samples),
        "k": k,
        "pass_at_k": _mean_pass_at_k(counts, samples, k),
        "measurement_sd": _measurement_sd(asked.aggregation, counts, samples),
        "truncated": found["truncated"] / answers,
        "unread": outcomes["unreadable"] / answers,
        "empty": outcomes["empty"] / answers,
        "failed": (outcomes["timeout"] + outcomes["error"]) / answers,
        "tokens": found["tokens"] / answers,
    }


def _summary(path: Path) -> dict[str, Any]:
    """Return what the header of a file of records says of its body."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found: dict[str, Any] = json.loads((pq.read_metadata(path).metadata or {})[SUMMARY_KEY])
        if not found["items"] or "record" not in found:
            raise ValueError("a record without items" if "record" in found else "its header doesn't say whose it is")
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        why = "its header lacks the counts" if isinstance(error, KeyError) else error
        raise ReportError(f"{path}: can't be read as a record ({why}); delete it and queue again") from error
    return found


def _score(path: Path, aggregation: str, counts: Mapping[int, int], samples: int) -> float:
    """Return the mean over items of their scores; only votes have to be read item by item."""
    kind, _, k = aggregation.partition("@")
    if kind == AVERAGE:
        return sum(right * items for right, items in counts.items()) / (samples * sum(counts.values()))
    if kind == "pass":
        return _mean_pass_at_k(counts, samples, int(k))
    import pyarrow.parquet as pq

    return float(item_scores(aggregation, pq.read_table(path, columns=list(VOTES))).mean())


def _measurement_sd(aggregation: str, counts: Mapping[int, int], samples: int) -> float:
    """Return what repeated evaluations of avg@K would vary by, from how an item's answers differ; NaN where unknown."""
    if aggregation != AVERAGE or samples < 2:
        return math.nan
    within = math.fsum(items * right * (samples - right) for right, items in counts.items())
    return math.sqrt(within / (samples * (samples - 1)) / samples) / sum(counts.values())


def _mean_pass_at_k(counts: Mapping[int, int], samples: int, k: int) -> float:
    total = math.fsum(items * pass_at_k(right, samples, k) for right, items in counts.items())
    return total / sum(counts.values())


def _check_hash(path: Path, suite: SuiteView, found: str) -> None:
    if found != suite.sha256:
        raise ReportError(
            f"{path}: suite {suite.name!r} has hash {found[:12]} here and {suite.sha256[:12]} in the plan, so the "
            f"scores can't be compared ({_difference(path, suite)}); queue the plan again, or give the changed suite "
            "a new run"
        )


def _difference(path: Path, suite: SuiteView) -> str:
    """Return in which terms a record's suite differs from the plan's, as far as both say."""
    import pyarrow.parquet as pq

    from suites.contract import differences

    terms = json.loads((pq.read_metadata(path).metadata or {}).get(FACTS_KEY, b"{}")).get("suite", {})
    lines = differences(terms, suite.terms) if terms and suite.terms else []
    return "; ".join(lines) or "in what, they don't say"
