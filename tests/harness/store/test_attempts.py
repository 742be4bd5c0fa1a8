"""Who works on a cell: judged by the process, not by what was last written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.store import attempts
from harness.store.attempts import HEARTBEAT_S, Attempt, beat, beating, begin, end, read_attempts, update
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
    attempt = replace(begin(paths), pid=child.pid, pid_started=attempts._process_started(child.pid))
    assert attempt.alive(paths)
    child.communicate(b"\n")
    assert not attempt.alive(paths)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the state of a process from /proc")
def test_a_process_that_nobody_has_waited_for_is_not_alive(paths: CellPaths) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    attempt = replace(begin(paths), pid=child.pid, pid_started=attempts._process_started(child.pid))
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


def test_on_another_host_it_is_alive_while_its_heart_beats(paths: CellPaths) -> None:
    attempt = elsewhere(paths)
    assert attempt.alive(paths)
    long_ago = time.time() - HEARTBEAT_S - 1
    os.utime(paths.attempt(1), (long_ago, long_ago))
    assert not attempt.alive(paths)
    beat(paths, attempt)
    assert attempt.alive(paths)
    assert not end(paths, attempt, "interrupted").alive(paths)


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


def test_of_two_who_begin_at_once_one_succeeds(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    first = begin(paths)
    monkeypatch.setattr(attempts, "read_attempts", lambda paths: [])  # the second looked before the first had written
    with pytest.raises(FileExistsError):
        begin(paths)
    monkeypatch.undo()
    assert read_attempts(paths) == [first]


def test_a_living_attempt_shows_itself_however_long_its_steps(
    paths: CellPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "BEAT_S", 0.001)
    attempt = begin(paths)
    beaten = threading.Event()
    monkeypatch.setattr(attempts, "beat", lambda paths, attempt: beaten.set())
    with beating(paths, attempt):
        assert beaten.wait(30)
