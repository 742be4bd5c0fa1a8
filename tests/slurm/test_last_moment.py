"""A job that is told of its time limit in the middle of a long step, with Slurm's answers given."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from harness.errors import CellError
from harness.store.attempts import begin, end
from harness.store.paths import CellPaths, RunPaths
from slurm import last_moment, notices
from slurm.commands import SlurmError
from slurm.job import CellJob
from slurm.last_moment import last_words, queued_in_time, seconds_left
from slurm.notices import Notices

PATIENCE_S = 20.0
NEAR = CellError("time limit", "the job's time limit of 00:30:00 is near")


def shown(left: float, run: float = 60.0) -> str:
    """Return what Slurm says of a job that has run for so long and has so long left."""
    start = datetime(2026, 11, 29, 12)
    end = start + timedelta(seconds=run + left)
    ran = str(timedelta(seconds=run)).rjust(8, "0")
    return f"JobId=7 JobState=RUNNING RunTime={ran} StartTime={start.isoformat()} EndTime={end.isoformat()}\n"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CellPaths:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(last_moment, "LOOK_S", 0.01)
    monkeypatch.setattr(last_moment, "ASK_AGAIN_S", 0.01)
    return RunPaths(tmp_path).cell("cell")


class Asked:
    """Submitit's handler, which has Slurm queue the job again and ends the process."""

    def __init__(self) -> None:
        self.done, self.times = threading.Event(), 0

    def __call__(self, number: int, frame: object) -> None:
        assert number == signal.SIGUSR2
        self.times += 1
        self.done.set()
        raise SystemExit(-1)


def told(handler: Asked, cause: CellError = NEAR) -> Notices:
    return Notices(heard=[signal.SIGUSR2], before={signal.SIGUSR2: handler}, _cause=cause)


def test_the_time_left_is_by_one_clock() -> None:
    fields = dict(word.split("=") for word in shown(left=45, run=3600).split())
    assert seconds_left(fields) == 45
    assert seconds_left({**fields, "RunTime": "1-00:00:00"}) == 45 + 3600 - 86_400
    assert seconds_left({**fields, "EndTime": "Unknown"}) is None


def test_a_step_that_is_too_long_has_the_job_queued_again(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[SlurmError | str] = iter([SlurmError("Unable to contact slurm controller"), shown(left=0.3)])

    def ask(*words: str) -> str:
        assert words == ("scontrol", "--oneliner", "show", "job", "7")
        answer = next(answers)
        if isinstance(answer, SlurmError):
            raise answer
        return answer

    monkeypatch.setattr(notices, "ask", ask)
    attempt, handler = begin(paths), Asked()
    with queued_in_time(paths, told(handler)):
        assert handler.done.wait(PATIENCE_S), "the step goes on until then"
    assert last_words(paths, attempt) == {
        "kind": "time limit",
        "message": "the job's time limit of 00:30:00 is near; a step was longer than the 0 s that were left then, so "
        "what came after the last checkpoint is lost",
    }
    job = CellJob(str(paths.root.parents[1]), "cell", 1)
    assert job._ended(attempt) == ("interrupted", last_words(paths, attempt))


@pytest.mark.parametrize("cause", [CellError("preempted", "by another job"), CellError("cancelled", "by scancel")])
def test_what_slurm_queues_again_by_itself_or_must_not_is_left_alone(
    cause: CellError, paths: CellPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "ask", lambda *words: shown(left=0))
    begin(paths)
    handler = Asked()
    last_moment._watch(paths, told(handler, cause), "7", threading.Event())
    assert handler.times == 0


def test_a_step_that_ends_in_time_is_left_alone(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()

    def ask(*words: str) -> str:
        looked.set()
        return shown(left=3600)

    monkeypatch.setattr(notices, "ask", ask)
    attempt, handler = begin(paths), Asked()
    before = threading.active_count()
    with queued_in_time(paths, told(handler)):
        assert looked.wait(PATIENCE_S)
        watching = [one for one in threading.enumerate() if one.name == last_moment.NAME]
    for one in watching:
        one.join(PATIENCE_S)
    assert threading.active_count() == before
    assert (handler.times, last_words(paths, attempt)) == (0, None)


def test_an_attempt_that_could_say_how_it_ended_keeps_that(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "ask", lambda *words: shown(left=0))
    attempt, handler = begin(paths), Asked()
    end(paths, attempt, "done")
    last_moment._watch(paths, told(handler), "7", threading.Event())
    assert (handler.times, last_words(paths, attempt)) == (0, None)


def test_one_task_of_several_asks(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PROCID", "1")
    with queued_in_time(paths, told(Asked())):
        assert not [one for one in threading.enumerate() if one.name == last_moment.NAME]
