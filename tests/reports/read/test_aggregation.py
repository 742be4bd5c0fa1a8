from __future__ import annotations

import pyarrow as pa
import pytest

from reports.read.aggregation import item_scores

ANSWERS = [["7", "7", "8"], [None, "9", "9"]]
GRADES = [[True, True, False], [False, True, True]]


@pytest.mark.parametrize(
    ("aggregation", "score"),
    [
        ("avg", 4 / 6),
        ("pass@1", 4 / 6),
        ("pass@2", 1.0),
        ("maj@1", 4 / 6),
        ("maj@3", 1.0),
        ("maj@2", ((1 + 0.5 + 0.5) / 3 + 1.0) / 2),  # pairs 77, 78, 78; then -9, -9, 99
    ],
)
def test_hand_worked(aggregation: str, score: float) -> None:
    table = pa.table({"correct": [2, 2], "samples": [3, 3], "answers": ANSWERS, "grades": GRADES})
    assert item_scores(aggregation, table).mean() == pytest.approx(score)
