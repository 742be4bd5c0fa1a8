"""What is shown while cells run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.runner.display import plain_line, status_table, time_left
from harness.store.status import CellStatus, State


def status(
    state: State, share: float = 0.0, cause: str | None = None, *, trial: bool = False, **step: float
) -> CellStatus:
    return CellStatus(
        trial=trial,
        id="g2rl-s1-abc",
        arm="g2rl",
        seed=1,
        state=state,
        cause=cause,
        share=share,
        phase="training" if state == "running" else "",
        attempts=1,
        last_step=dict(step),
        notes=(),
    )


RUNNING = status("running", 0.25, reward=0.1234, tokens_per_s=4321.9, device_seconds=1000.0)


def test_the_table_has_phase_share_reward_pace_and_time_left() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(status_table([RUNNING, status("failed", 0.5, "diverged: loss was nan at step 3")], "tiny"))
    assert isinstance(console.file, io.StringIO)
    rows = [line for line in console.file.getvalue().splitlines() if "g2rl · seed 1" in line]
    for words in ("training", "25%", "0.123", "4,322", "0:50:00"):
        assert words in rows[0]
    assert "failed: diverged: loss was nan at step 3" in rows[1]


def test_the_table_marks_trials() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(status_table([status("waiting", trial=True)], "tiny"))
    assert isinstance(console.file, io.StringIO)
    assert "trial g2rl · seed 1" in console.file.getvalue()


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (RUNNING, "g2rl seed 1: running at 25%, reward 0.123"),
        (status("waiting"), "g2rl seed 1: waiting, 0%"),
        (status("done", 1.0, trial=True), "trial g2rl seed 1: done, 100%"),
        (status("failed", 0.5, "disk full: oh"), "g2rl seed 1: failed, 50%, disk full: oh"),
    ],
)
def test_a_plain_line_says_it_too(found: CellStatus, line: str) -> None:
    assert plain_line(found) == line


def test_time_left_is_shown_only_where_it_can_be_known() -> None:
    assert time_left(RUNNING) == "0:50:00"
    assert time_left(status("running")) == ""
    assert time_left(status("done", 1.0, device_seconds=10.0)) == ""
