"""Of two attempts at one cell, one may write: whoever they are, whenever they come, whatever their clocks say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CellError
from harness.store import attempts, clock, lease
from harness.store.attempts import HEARTBEAT_S, Attempt, begin, end, read_attempts, update
from harness.store.lease import Lease, take
from harness.store.paths import CellPaths


def elsewhere(paths: CellPaths, attempt: Attempt) -> Attempt:
    """Make an attempt one of a process on another host."""
    return update(paths, attempt, host="another-host", pid=1, pid_started="1")


def test_a_cell_that_is_worked_on_is_not_taken(paths: CellPaths) -> None:
    take(paths)
    with pytest.raises(CellError, match="is working on grpo-s0") as caught:
        take(paths)
    assert caught.value.kind == "taken"
    assert len(read_attempts(paths)) == 1


def test_an_attempt_that_ended_is_followed(paths: CellPaths) -> None:
    first, _ = take(paths)
    end(paths, first, "interrupted")
    second, held = take(paths)
    assert second.attempt == 2
    held.require()


def test_one_whose_process_is_gone_is_followed_and_closed_with_what_is_known_of_it(paths: CellPaths) -> None:
    update(paths, replace(take(paths)[0], pid_started="0"))
    take(paths, diagnose=lambda attempt: ("failed", {"kind": "out of memory", "message": f"of {attempt.attempt}"}))
    first, second = read_attempts(paths)
    assert (first.outcome, first.cause) == ("failed", {"kind": "out of memory", "message": "of 1"})
    assert first.ended is not None
    assert second.ended is None


def test_the_same_job_started_again_takes_over_at_once(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    first, held = take(paths)
    elsewhere(paths, first)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert take(paths)[0].restart == 1
    with pytest.raises(CellError, match="another attempt has taken the cell from attempt 1"):
        held.require()


def test_two_tasks_of_one_job_do_not_replace_each_other(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    take(paths)
    with pytest.raises(CellError, match=r"\(job 7\) is working"):
        take(paths)


class Watched:
    """Time that passes only while somebody sleeps, and what happens meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, happens: dict[int, object]) -> None:
        self.now = self.began = time.monotonic()
        self.sleeps, self.happens = 0, happens
        monkeypatch.setattr(clock, "_read", {})
        monkeypatch.setattr(time, "sleep", self.sleep)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps += 1
        act = self.happens.get(self.sleeps)
        if callable(act):
            act()


def ahead(paths: CellPaths) -> None:
    """Date the signs of life an hour ahead, as a file system does that takes a client's word for the time."""
    later = paths.attempt(1).stat().st_mtime + 3600
    for file in (paths.attempt(1), paths.lease(1)):
        os.utime(file, (later, later))


def test_one_on_another_host_that_shows_itself_while_watched_is_left_alone(
    paths: CellPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, held = take(paths)
    elsewhere(paths, read_attempts(paths)[0])
    ahead(paths)
    Watched(monkeypatch, {9: held.require})
    with pytest.raises(CellError, match="on another-host is working"):
        take(paths)
    held.require()


def test_one_on_another_host_that_stays_silent_is_followed_whatever_its_clock_says(
    paths: CellPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, held = take(paths)
    elsewhere(paths, first)
    ahead(paths)
    watched = Watched(monkeypatch, {})
    assert take(paths)[0].attempt == 2
    assert HEARTBEAT_S <= watched.now - watched.began < HEARTBEAT_S + 2 * lease.LOOK_S
    assert not held.held


def test_one_on_another_host_that_ends_while_watched_is_followed(
    paths: CellPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = elsewhere(paths, take(paths)[0])
    watched = Watched(monkeypatch, {2: lambda: end(paths, first, "interrupted")})
    assert take(paths)[0].attempt == 2
    assert watched.sleeps == 2


def test_an_expired_lease_is_followed_without_waiting(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(paths, take(paths)[0])
    long_ago = paths.lease(1).stat().st_mtime - HEARTBEAT_S - 1
    for file in (paths.attempt(1), paths.lease(1)):
        os.utime(file, (long_ago, long_ago))
    watched = Watched(monkeypatch, {})
    assert take(paths)[0].attempt == 2
    assert watched.sleeps == 0


def test_one_who_was_frozen_between_attempt_and_lease_finds_itself_overtaken(
    paths: CellPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = Path.touch

    def touched(self: Path, *args: object) -> None:
        monkeypatch.setattr(Path, "touch", touch)
        begin(paths, after=1)  # meanwhile it was taken for dead
        touch(self)

    monkeypatch.setattr(Path, "touch", touched)
    with pytest.raises(CellError, match="is working on"):
        take(paths)
    assert not paths.lease(1).exists()
    assert Lease(paths=paths, attempt=2).held


def test_a_lease_is_renewed_however_long_the_steps_are(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_S", 0.001)
    attempt, held = take(paths)
    renewed, utime = threading.Event(), os.utime

    def noted(path: Path) -> None:
        utime(path)
        renewed.set()

    monkeypatch.setattr(os, "utime", noted)
    with held.kept():
        assert renewed.wait(30)
    end(paths, attempt, "done")


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["take", "write", "die", "end"])), max_size=30))
def test_whatever_three_processes_do_one_at_most_may_write(moves: list[tuple[int, str]]) -> None:
    """One process plays three, on three hosts; to die is to fall silent until the lease has expired, and to go on."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        paths = CellPaths(Path(folder) / "cell")
        held: dict[int, tuple[Attempt, Lease]] = {}
        written: list[int] = []
        for who, move in moves:
            patch.setenv("SLURMD_NODENAME", f"node{who}")
            patch.setattr(lease, "_shows_itself", lambda other, paths: True)
            if move == "take":
                try:
                    held[who] = take(paths)
                except CellError:
                    assert any(other.alive(paths) for other in read_attempts(paths))
            if move == "write" and who in held and held[who][1].held:
                written.append(held[who][0].attempt)
            if move == "die" and who in held and held[who][1].held:
                for file in (paths.lease(held[who][0].attempt), paths.attempt(held[who][0].attempt)):
                    os.utime(file, (1, 1))
            if move == "end" and who in held and held[who][1].held:
                end(paths, held.pop(who)[0], "done")
            may = [attempt.attempt for attempt, one in held.values() if paths.lease(one.attempt).exists()]
            made = [attempt.attempt for attempt in read_attempts(paths)]
            assert may in ([], made[-1:]), "the last one, or nobody"
            assert made == list(range(1, len(made) + 1))
        assert written == sorted(written), "once a later attempt has written, no earlier one does"


RACER = """
import sys
from pathlib import Path
from harness.errors import CellError
from harness.store.attempts import end
from harness.store.lease import take
from harness.store.paths import CellPaths
paths, rounds = CellPaths(Path(sys.argv[1])), int(sys.argv[2])
sys.stdin.readline()
while rounds:
    try:
        attempt, lease = take(paths)
    except CellError as error:
        assert error.kind == "taken", error
        continue
    lease.require()
    with (paths.root / "inside").open("x"):
        pass
    (paths.root / "inside").unlink()
    with (paths.root / "log").open("a") as log:
        log.write(f"{attempt.attempt}\\n")
    end(paths, attempt, "done")
    rounds -= 1
"""


def test_two_processes_that_race_for_a_cell_take_turns(paths: CellPaths) -> None:
    paths.root.mkdir(parents=True)
    command = [sys.executable, "-c", RACER, str(paths.root), "40"]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    told = [racer.communicate()[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], "\n".join(told)
    numbers = [int(line) for line in (paths.root / "log").read_text().split()]
    assert numbers == list(range(1, 81)), "each attempt once, in order, none beside another"


HOLDER = """
import sys
from pathlib import Path
from harness.errors import CellError
from harness.store.attempts import update
from harness.store.lease import take
from harness.store.paths import CellPaths
paths = CellPaths(Path(sys.argv[1]))
attempt, lease = take(paths)
update(paths, attempt, phase="training")
print("taken", flush=True)
sys.stdin.readline()
try:
    lease.require()
except CellError as error:
    print(error)
"""


def test_a_process_that_was_frozen_and_overtaken_stops(paths: CellPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", HOLDER, str(paths.root)]
    environment = {**os.environ, "SLURMD_NODENAME": "another-node"}
    frozen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert frozen.stdout is not None
    assert frozen.stdout.readline() == "taken\n"
    frozen.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(attempts, "HEARTBEAT_S", 0.0)
    attempt, held = take(paths)
    frozen.send_signal(signal.SIGCONT)
    told, _ = frozen.communicate("go\n")
    assert told == "lost lease: another attempt has taken the cell from attempt 1\n"
    held.require()
    first, second = read_attempts(paths)
    assert first.cause == {"kind": "killed", "message": "its process is gone"}
    assert second.attempt == attempt.attempt
