"""A cell that was killed at step 6, resumed from step 4 and finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.store.atomic import append_line
from harness.store.attempts import is_lost
from harness.store.paths import CellPaths, RunPaths
from reports.leaderboard import leaderboard
from reports.read import read_run

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun


@pytest.fixture
def resumed(write_run: WriteRun, spec: type[RunSpec]) -> Path:
    root = write_run(spec(arms=("grpo",)))
    paths = RunPaths(root).cell("01-0")
    _rewrite(paths.train, lambda line: line["step"] <= 6)
    _rewrite(paths.ledger, lambda line: line["step"] <= 6)
    attempt = json.loads(paths.attempt(1).read_text())
    paths.attempt(1).write_text(json.dumps(attempt | {"outcome": "interrupted"}))
    paths.attempt(2).write_text(json.dumps(attempt | {"attempt": 2, "phase": "starting"}))
    paths.attempt(3).write_text(json.dumps(attempt | {"attempt": 3, "resumed_from_step": 4}))
    _go_on(paths)
    return root


def _rewrite(path: Path, keep: object) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert callable(keep)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines if keep(line)))


def _go_on(paths: CellPaths) -> None:
    first = json.loads(paths.train.read_text().splitlines()[0])
    spent = {"phase": "generate", "part": "", "generated_tokens": 1000, "forward_tokens": 1000,
             "backward_tokens": 0, "forward_flops": 1e9, "backward_flops": 0, "device_seconds": 0.3,
             "peak_memory_bytes": None}  # fmt: skip
    for step in range(5, 9):
        again = {"attempt": 3, "step": step, "share": step / 8, "reward": 0.9}
        append_line(paths.train, {**first, **again, "generated_tokens": 1000 * step})
        append_line(paths.ledger, {**spent, "attempt": 3, "step": step, "checkpoint": None, "suite": None})


def test_of_a_step_done_twice_the_latest_attempt_counts(resumed: Path) -> None:
    training = read_run(resumed).training
    rows = training[training["cell"] == "01-0"]
    assert rows["step"].tolist() == list(range(1, 9))
    assert rows["attempt"].tolist() == [1, 1, 1, 1, 3, 3, 3, 3]
    assert rows["reward"].tolist()[4:] == [0.9] * 4


def test_lost_work_is_in_the_sum_and_in_a_column_of_its_own(resumed: Path) -> None:
    run = read_run(resumed)
    ours = run.compute[run.compute["cell"] == "01-0"]
    lost = ours[ours["lost"]]
    assert sorted(set(lost["step"])) == [5, 6]
    assert set(lost["attempt"]) == {1}
    row = next(row for row in leaderboard(run).rows if row.arm == "grpo")
    assert row.spent is not None
    # Two steps of 0.45 s lost in one of three seeds; steps 5..8 of attempt 3 took 0.3 s each.
    assert row.spent.lost_device_seconds == pytest.approx(2 * 0.45 / 3)
    assert row.spent.generated_tokens == pytest.approx((8000 * 2 + 10_000) / 3)
    assert row.spent.device_seconds == pytest.approx((8 * 0.45 * 2 + 6 * 0.45 + 4 * 0.3) / 3)


def test_an_attempt_that_never_got_to_resume_takes_nothing_back(resumed: Path) -> None:
    compute = read_run(resumed).compute
    assert not compute[compute["step"] <= 4]["lost"].any()


def test_steps_beyond_the_resume_that_were_not_done_again_do_not_count(resumed: Path) -> None:
    paths = RunPaths(resumed).cell("01-0")
    _rewrite(paths.train, lambda line: line["attempt"] == 1 or line["step"] < 6)
    rows = read_run(resumed).training
    assert rows[rows["cell"] == "01-0"]["step"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("attempt", "step", "expected"), [(1, 4, False), (1, 5, True), (2, 5, False), (2, 9, True), (3, 9, False)]
)
def test_lost_is_what_a_later_attempt_resumed_before(attempt: int, step: int, expected: bool) -> None:
    assert is_lost(attempt, step, {1: 0, 2: 4, 3: 8}) is expected
