"""Who works on a cell: judged by the process, not by what was last written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.store import processes
from harness.store.attempts import HEARTBEAT_S, Attempt, begin, close, end, read_attempts, read_last, update
from harness.store.paths import CellPaths


def test_attempts_are_numbered_and_kept(paths: CellPaths) -> None:
    assert read_attempts(paths) == []
    first = end(paths, begin(paths), "failed", {"kind": "diverged", "message": "loss is nan"})
    second = begin(paths)
    assert read_attempts(paths) == [first, second]
    assert (first.attempt, second.attempt) == (1, 2)
    assert (first.outcome, first.cause) == ("failed", {"kind": "diverged", "message": "loss is nan"})
    assert first.ended is not None
    assert first.ended >= first.started


def test_what_changes_is_written(paths: CellPaths) -> None:
    attempt = update(paths, begin(paths), phase="training", resumed_from_step=7, notes=("a", "b"))
    assert read_attempts(paths) == [attempt]
    assert (attempt.phase, attempt.resumed_from_step, attempt.notes) == ("training", 7, ("a", "b"))


def test_other_files_are_no_attempts(paths: CellPaths) -> None:
    attempt = begin(paths)
    paths.log(1).write_text("printed")
    (paths.attempts / ".002.json.77").write_text("{half")
    assert read_attempts(paths) == [attempt]


def test_this_process_is_alive_until_its_attempt_ends(paths: CellPaths) -> None:
    attempt = begin(paths)
    assert attempt.alive(paths)
    assert not end(paths, attempt, "done").alive(paths)


def test_a_process_that_is_gone_is_not_alive(paths: CellPaths) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    attempt = replace(begin(paths), pid=child.pid, pid_started=processes.started(child.pid))
    assert attempt.alive(paths)
    child.communicate(b"\n")
    assert not attempt.alive(paths)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the state of a process from /proc")
def test_a_process_that_nobody_has_waited_for_is_not_alive(paths: CellPaths) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    attempt = replace(begin(paths), pid=child.pid, pid_started=processes.started(child.pid))
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"\n")
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is still in the table
    assert not attempt.alive(paths)
    child.stdout.close()
    child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="start times come from /proc")
def test_another_process_with_the_same_number_is_not_it(paths: CellPaths) -> None:
    attempt = begin(paths)
    assert attempt.pid_started is not None
    earlier = replace(attempt, pid_started=str(int(attempt.pid_started) - 1))
    assert not earlier.alive(paths)


def test_a_process_whose_start_was_never_known_is_not_alive(paths: CellPaths) -> None:
    assert not replace(begin(paths), pid=2**22 + 1, pid_started=None).alive(paths)


def elsewhere(paths: CellPaths) -> Attempt:
    """Return an attempt of a process on another host."""
    return update(paths, begin(paths), host="another-host", pid=1, pid_started="1")


def age(paths: CellPaths, seconds: float) -> None:
    """Make the signs of life of the first attempt older."""
    then = paths.lease(1).stat().st_mtime - seconds
    for file in (paths.attempt(1), paths.lease(1)):
        os.utime(file, (then, then))


def test_on_another_host_it_is_alive_while_its_lease_is_fresh(paths: CellPaths) -> None:
    attempt = elsewhere(paths)
    assert attempt.alive(paths)
    age(paths, HEARTBEAT_S + 1)
    assert not attempt.alive(paths)
    os.utime(paths.lease(1))
    assert attempt.alive(paths)
    assert not end(paths, attempt, "interrupted").alive(paths)


def test_this_hosts_own_clock_says_nothing_of_another_host(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt, now = elsewhere(paths), time.time
    for hours in (-1, 1):
        monkeypatch.setattr(time, "time", lambda hours=hours: now() + 3600 * hours)
        assert attempt.alive(paths)
    age(paths, HEARTBEAT_S + 1)
    for hours in (-1, 1):
        monkeypatch.setattr(time, "time", lambda hours=hours: now() + 3600 * hours)
        assert not attempt.alive(paths)


def test_an_attempt_that_was_killed_lasted_until_its_last_sign_of_life(paths: CellPaths) -> None:
    attempt = begin(paths)
    assert attempt.born is not None
    update(paths, attempt)
    for file in (paths.attempt(1), paths.lease(1)):
        os.utime(file, (attempt.born + 30, attempt.born + 30))
    closed = close(paths, attempt, "interrupted", {"kind": "killed", "message": "gone"})
    assert closed.seconds() == pytest.approx(30, abs=0.01)
    assert read_attempts(paths) == [closed]
    assert not paths.lease(1).exists()


def test_the_last_of_a_thousand_attempts_is_the_last(paths: CellPaths) -> None:
    for number in (9, 99, 999, 1000):
        begin(paths, after=number - 1)
    last, count = read_last(paths)
    assert last is not None
    assert (last.attempt, count) == (1000, 4)


def test_how_an_attempt_ended_is_written_even_on_a_full_disk(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = begin(paths)

    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("harness.store.attempts.write_json", full)
    end(paths, attempt, "failed", {"kind": "disk full", "message": "no room"})
    (found,) = read_attempts(paths)
    assert found.outcome == "failed"
    assert found.cause == {"kind": "disk full", "message": "no room"}


def test_another_trouble_of_the_disk_is_not_swallowed(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = begin(paths)

    def denied(path: Path, value: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("harness.store.attempts.write_json", denied)
    with pytest.raises(PermissionError):
        end(paths, attempt, "done")


def test_of_two_who_begin_at_once_one_succeeds(paths: CellPaths) -> None:
    first = begin(paths, after=0)
    with pytest.raises(FileExistsError):
        begin(paths, after=0)
    assert [attempt.attempt for attempt in read_attempts(paths)] == [first.attempt]
