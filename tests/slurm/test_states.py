"""States of cells with Slurm behind them, as its commands printed on a real cluster (22.05); here they are scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.store.atomic import write_json
from harness.store.attempts import begin, end, read_attempts, update
from harness.store.paths import RunPaths
from harness.store.status import CellStatus
from harness.store.version import written_here
from harness.store.wishes import Wish, write_wish
from slurm.cancelling import cancel_jobs
from slurm.notices import judged, record_of, shown_fields
from slurm.states import Looks, close_ended, read_states
from slurm.submitted import Submitted, append_submitted, read_submitted

QUEUE = """\
32287018|32287016_1|PENDING|BeginTime|2|explorebench:demo:all|
32287019|32287016_2|RUNNING|None|0|explorebench:demo:all|
32287020|32287016_3|PENDING|Resources|0|explorebench:demo:train|
32287021|32287016_4|PENDING|Priority|0|explorebench:another:all|
32287022|32287016_0|COMPLETED|None|0|explorebench:demo:all|
"""
ACCOUNTED = """\
32287030|FAILED|9:0|3|00:00.100||100M|cpu=1||32287016_5
32287030.0|CANCELLED by 0|0:9|2|00:00.090|173360K||||32287016_5.0
32287031|FAILED|127:0|3|00:00.100||100M|cpu=1||32287016_6
"""


class Slurm:
    """Scripts in the place of Slurm's commands."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def says(self, command: str, printed: str, code: int = 0, error: str = "") -> None:
        script = self.folder / command
        script.write_text(
            f"#!/bin/sh\necho \"$@\" >> {self.folder}/{command}.calls\ncat <<'E'\n{printed}E\n"
            f"[ -z '{error}' ] || echo '{error}' >&2\nexit {code}\n"
        )
        script.chmod(0o755)

    def calls(self, command: str) -> list[str]:
        file = self.folder / f"{command}.calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    return Slurm(tmp_path / "bin", monkeypatch)


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    """A run of seven cells, each with a task of one array: the cell's number is its place."""
    run = RunPaths(tmp_path / "demo")
    cells = [{"id": f"c{n}", "arm": "grpo", "seed": n} for n in range(7)]
    write_json(run.resolved, {**written_here(), "name": "demo", "arms": [], "suites": [], "cells": cells})
    append_submitted(run, [Submitted(job="32287016", index=n, cell=f"c{n}", stage="all") for n in range(7)])
    return run


def states(run: RunPaths) -> dict[str, CellStatus]:
    return {one.id: one for one in read_states(run)[0]}


def test_jobs_that_were_sent_are_read_as_they_were_written(run: RunPaths) -> None:
    found = read_submitted(run)
    assert [one.name for one in found][:2] == ["32287016_0", "32287016_1"]
    assert Submitted(job="7", index=None, cell="c", stage="train").name == "7"
    run.submitted.write_text(run.submitted.read_text() + '{"torn": ')
    assert read_submitted(run) == found


def test_the_files_come_first_and_slurm_is_asked_once_each(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("squeue", QUEUE)
    slurm.says("sacct", ACCOUNTED)
    end(run.cell("c0"), begin(run.cell("c0")), "done")
    end(run.cell("c1"), begin(run.cell("c1")), "interrupted", {"kind": "preempted", "message": "by another job"})
    update(run.cell("c2"), begin(run.cell("c2")), phase="training")
    found = states(run)
    assert {cell: one.words for cell, one in found.items()} == {
        "c0": "done",
        "c1": "requeued twice: BeginTime",
        "c2": "running at 0%",
        "c3": "queued: Resources",
        "c4": "waiting",
        "c5": "failed: out of memory: 169 MiB of the 100 MiB asked for (Slurm says FAILED, exit code 9:0), "
        "job 32287016_5, before it made an attempt; see explorebench logs",
        "c6": "failed: killed: Slurm says FAILED, exit code 127:0, job 32287016_6, before it made an attempt; "
        "see explorebench logs",
    }
    assert len(slurm.calls("squeue")) == len(slurm.calls("sacct")) == 1
    assert "--jobs=32287016" in slurm.calls("squeue")[0]


def test_a_job_that_starts_is_no_waiting(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("squeue", QUEUE)
    slurm.says("sacct", "")
    assert states(run)["c2"].words == "queued: job 32287016_2 is running"


def test_a_killed_attempt_is_explained_by_accounting(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("squeue", "", 1, "slurm_load_jobs error: Invalid job id specified")
    slurm.says("sacct", ACCOUNTED)
    attempt = begin(run.cell("c5"))
    update(run.cell("c5"), replace(attempt, pid_started="0", job="32287030"))
    assert states(run)["c5"].words.startswith("failed: out of memory: 169 MiB of the 100 MiB asked for")


def test_without_slurm_the_files_are_believed_and_a_note_says_so(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found, notes = read_states(run)
    assert {one.state for one in found} == {"waiting"}
    (note,) = notes
    assert note.startswith("Slurm's queue can't be seen: squeue not found on the PATH")


def test_without_accounting_a_note_says_so(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("squeue", QUEUE)
    slurm.says("sacct", "", 1, "sacct: error: Problem talking to the database: Connection refused")
    found, notes = read_states(run)
    assert {one.id: one.state for one in found}["c5"] == "waiting"
    assert notes[0].startswith("why jobs ended can't be asked: sacct failed: ")


def test_a_run_that_is_done_or_was_never_sent_asks_nothing(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("squeue", QUEUE)
    for n in range(7):
        end(run.cell(f"c{n}"), begin(run.cell(f"c{n}")), "done")
    assert read_states(run)[1] == []
    run.submitted.unlink()
    assert slurm.calls("squeue") == []


def test_watching_asks_slurm_now_and_then_and_believes_the_files_meanwhile(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("squeue", QUEUE)
    slurm.says("sacct", ACCOUNTED)
    looks = Looks(run=run)
    before = [replace(one, state="waiting", cause=None, job=None, requeued=0) for one in states(run).values()]
    assert {one.id: one.state for one in looks.refined(before)[0]}["c3"] == "queued"
    asked = len(slurm.calls("squeue"))
    done = [replace(one, state="done") if one.id == "c3" else one for one in before]
    again = {one.id: one.state for one in looks.refined(done)[0]}
    assert (again["c3"], again["c1"]) == ("done", "queued")
    assert len(slurm.calls("squeue")) == asked


def test_cancelling_touches_jobs_of_these_cells_that_are_in_the_queue(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("squeue", QUEUE)
    slurm.says("sacct", "")
    slurm.says("scancel", "")
    chosen = [one for one in states(run).values() if one.id in ("c0", "c1", "c4")]
    assert cancel_jobs(run, chosen) == ["32287016_1"]
    assert slurm.calls("scancel") == ["32287016_1"], "c4's number is another run's by now, c0's job is over"


@pytest.mark.parametrize(
    ("shown", "signal", "kind"),
    [
        ("JobState=RUNNING Reason=None Restarts=0 PreemptTime=2026-11-29T11:39:27", "SIGUSR2", "preempted"),
        ("JobState=RUNNING Reason=None Restarts=0 PreemptTime=2026-11-29T11:39:27", "SIGTERM", "preempted"),
        ("JobState=RUNNING Reason=None Restarts=0 PreemptTime=None TimeLimit=00:01:00", "SIGUSR2", "time limit"),
        ("JobState=COMPLETING Reason=TimeLimit Restarts=0 TimeLimit=00:01:00", "SIGTERM", "time limit"),
        ("JobState=COMPLETING Reason=None Restarts=1", "SIGTERM", "requeued"),
        ("JobState=COMPLETING Reason=None Restarts=0 ExitCode=0:15", "SIGTERM", "cancelled"),
        ("JobState=RUNNING Reason=None Restarts=0 NumTasks=1", "SIGTERM", "interrupted"),
        ("JobState=RUNNING Reason=None Restarts=0 NumTasks=2", "SIGTERM", "rank lost"),
    ],
)
def test_why_slurm_sends_a_signal(shown: str, signal: str, kind: str) -> None:
    assert judged(shown_fields(shown), 0, signal).kind == kind


def test_a_lease_that_looks_fresh_is_not_believed_when_its_job_is_over(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("squeue", QUEUE)
    slurm.says("sacct", ACCOUNTED)
    for cell, job in (("c1", "32287018"), ("c5", "32287030"), ("c6", "32287031")):
        update(run.cell(cell), begin(run.cell(cell)), host="node1", job=job, phase="training")
    write_wish(run.cell("c6"), Wish("rest", 1))
    found = states(run)
    assert found["c1"].words == "requeued twice: BeginTime"
    assert found["c5"].words.startswith("failed: out of memory: ")
    assert found["c6"].words == "cancelled"


def test_an_attempt_whose_job_is_over_is_closed_before_the_cell_is_queued(run: RunPaths, slurm: Slurm) -> None:
    slurm.says("sacct", ACCOUNTED)
    update(run.cell("c5"), begin(run.cell("c5")), host="node1", job="32287030")
    update(run.cell("c6"), begin(run.cell("c6")), host="node1", job="4")  # that Slurm knows nothing of
    assert close_ended(run) == 1
    (closed,) = read_attempts(run.cell("c5"))
    assert closed.cause is not None
    assert closed.cause["kind"] == "out of memory"
    assert not run.cell("c5").lease(1).exists()
    assert run.cell("c6").lease(1).exists()


def test_the_last_task_of_an_array_is_told_from_the_others() -> None:
    # Seen: the array's number is that of its last task, and `scontrol show job` gives all tasks for it.
    shown = (
        "JobId=12 ArrayJobId=12 ArrayTaskId=1 JobState=RUNNING Restarts=0 PreemptTime=None TimeLimit=00:15:00\n"
        "JobId=13 ArrayJobId=12 ArrayTaskId=0 JobState=COMPLETED Restarts=0 PreemptTime=None TimeLimit=00:15:00\n"
    )
    assert judged(shown_fields(record_of("12", shown)), 0, "SIGUSR2").kind == "time limit"
    assert judged(shown_fields(record_of("13", shown)), 0, "SIGUSR2").kind == "interrupted"
