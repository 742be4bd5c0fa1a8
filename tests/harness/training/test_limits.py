"""A cell that gets nowhere is left alone, with its cause."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import CellError
from harness.plan.schema import Limits
from harness.store.attempts import Attempt
from harness.training.limits import in_a_row, require_within


def attempt(number: int, kind: str | None = "preempted", step: int = 0, job: str | None = "7", **more: Any) -> Attempt:
    fields: dict[str, Any] = {
        "host": "node1", "pid": 1, "pid_started": "1", "started": 0.0, "ended": 3600.0, "outcome": "interrupted",
        "found": {"step": step, "records": 0, "answer_bytes": 0}, "job": job,
    }  # fmt: skip
    fields["cause"] = None if kind is None else {"kind": kind, "message": "by another job"}
    return Attempt(attempt=number, **{**fields, **more})


def test_two_jobs_without_a_step_or_a_record_are_enough() -> None:
    with pytest.raises(CellError) as caught:
        require_within(Limits(), [attempt(1, step=4), attempt(2, "killed", step=4)], attempt(3, step=4))
    assert caught.value.kind == "no progress"
    assert caught.value.message == (
        "2 jobs in a row left the cell where they found it (step 4, 0 files of records); "
        "the last one ended so: killed: by another job"
    )


@pytest.mark.parametrize(
    "made",
    [
        [],
        [attempt(1)],
        [attempt(1, step=0), attempt(2, step=1)],
        [attempt(1, step=2), attempt(2, "interrupted", step=2)],
        [attempt(1, "no progress", step=2), attempt(2, step=2)],
        [attempt(1, job=None, step=2), attempt(2, job=None, step=2)],
        [attempt(1, found=None), attempt(2, found=None)],
    ],
    ids=["none", "one", "a step", "stopped by the user", "retried", "no jobs", "from before"],
)
def test_others_go_on(made: list[Attempt]) -> None:
    require_within(Limits(), made, attempt(3, step=2))


def test_answers_that_were_kept_are_progress() -> None:
    found = [{"step": 4, "records": 1, "answer_bytes": size} for size in (0, 0, 10)]
    require_within(Limits(), [attempt(1, found=found[0]), attempt(2, found=found[1])], attempt(3, found=found[2]))


def test_attempts_and_hours_are_bounded() -> None:
    made = [attempt(number, step=number) for number in range(1, 6)]
    now = attempt(6, step=6)
    require_within(Limits(attempts=6, hours=5.1), made, now)
    with pytest.raises(CellError, match="limit reached: 5 attempts, and the plan allows 5; the last one ended so"):
        require_within(Limits(attempts=5), made, now)
    with pytest.raises(CellError, match=r"limit reached: 5.0 h, and the plan allows 5;"):
        require_within(Limits(hours=5), made, now)


def test_a_retry_counts_anew() -> None:
    made = [attempt(1), attempt(2), attempt(3, "limit reached"), attempt(4), attempt(5)]
    assert [one.attempt for one in in_a_row(made)] == [4, 5]
    assert in_a_row([attempt(1), attempt(2, None, outcome="done")]) == []
