from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from harness.evaluation.errors import (
    DivergedModelError,
    EvaluationError,
    GraderError,
    RecordsError,
    UnfitSuiteError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UnfitSuiteError("s", "no items"), "suite 's' can't be evaluated: no items"),
        (
            GraderError("s", 3, 4, "item 'i': boom"),
            "the grader of suite 's' failed on 3 of 4 answers, such as item 'i': boom; the answers are kept, "
            "and graded when the grader is mended",
        ),
        (
            RecordsError(Path("r"), "cut short"),
            "can't read the records in r: cut short; take the file away and queue the plan again to make it anew",
        ),
        (DivergedModelError(), "the model's logits are NaN or infinite: its training diverged before this checkpoint"),
    ],
)
def test_an_error_is_one_line_that_survives_the_way_between_processes(error: EvaluationError, text: str) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert str(error) == str(copy) == text
    assert vars(copy) == vars(error)
