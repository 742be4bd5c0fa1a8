"""The local runner: real processes, killed at any moment, end with the same bytes."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.ledger.ledger import OUTSIDE
from harness.store.atomic import read_lines
from reports.read import read_run
from reports.read.spent import spent_in

DEADLINE_S = 180.0


class Place(Protocol):
    """The workplace of tests/conftest.py."""

    @property
    def run(self) -> Path: ...
    def explorebench(self, *words: str) -> subprocess.CompletedProcess[str]: ...
    def start(self, *words: str) -> subprocess.Popen[str]: ...
    def record_hashes(self) -> dict[str, str]: ...


def until(condition: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    """Wait for `condition` to hold while `process` runs, and return what it gave."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if found := condition():
            return found
        if process.poll() is not None:
            return condition()
        time.sleep(0.02)
    raise AssertionError("the moment did not come")


def steps_done(place: Place) -> int:
    return sum(len(read_lines(file)) for file in place.run.glob("cells/*/train.jsonl"))


def worker_pids(place: Place) -> list[int]:
    attempts = [json.loads(file.read_text()) for file in place.run.glob("cells/*/attempts/*.json")]
    return [attempt["pid"] for attempt in attempts if attempt["ended"] is None]


def require_reconciled(root: Path) -> None:
    """Hold phases to cells, cells to the plan, and what counts of a cell to what its log says was spent."""
    run = read_run(root)
    training = run.compute[~run.compute["phase"].isin(OUTSIDE)]
    for column in ("generated_tokens", "flops", "device_seconds"):
        whole = training[column].sum()
        assert training.groupby(["cell", "phase", "part"])[column].sum().sum() == pytest.approx(whole)
        assert training[training["lost"]][column].sum() + training[~training["lost"]][column].sum() == pytest.approx(
            whole
        )
        kept = training[~training["lost"]].groupby("cell")[column].sum()
        said = run.training.groupby("cell")[column].last()
        assert kept.to_dict() == pytest.approx(said.to_dict())
        spent = [spent_in(run.compute_of(cell.id)) for cell in run.cells if cell.arm != "base"]
        assert sum(getattr(one, column) for one in spent) == pytest.approx(whole), "the page's rows, lost work included"


def test_an_uninterrupted_run_does_everything(queued: tuple[Place, subprocess.CompletedProcess[str]]) -> None:
    place, done = queued
    require_reconciled(place.run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 cells done. Next: explorebench report runs/demo" in done.stdout
    for arm in ("grpo", "g2rl"):
        for seed in (0, 1):
            assert f"{arm} seed {seed}: done, 100%, reward " in done.stdout
    assert len(place.record_hashes()) == 2 * (2 + 3 + 3), "base: two suites; arms: sorting twice, graphs at the end"


def test_a_cell_prints_a_short_line_for_each_step(finished: Place) -> None:
    (log,) = finished.run.glob("cells/grpo-s0*/attempts/001.log")
    steps = [line for line in log.read_text().splitlines() if "reward" in line]
    assert len(steps) == 6
    assert re.fullmatch(r"step 3: 50% of the budget, reward \d\.\d{3}, entropy \d\.\d{3}, \d+\.\d\d s", steps[2])


def test_queued_again_there_is_nothing_to_do(finished: Place) -> None:
    before = {file: file.stat().st_mtime_ns for file in finished.run.glob("cells/**/*") if file.is_file()}
    again = finished.explorebench("queue", "demo.yaml")
    assert again.returncode == 0
    assert {file: file.stat().st_mtime_ns for file in finished.run.glob("cells/**/*") if file.is_file()} == before


def test_a_cell_killed_after_its_last_record_is_closed(finished: Place) -> None:
    attempt = next(iter(sorted(finished.run.glob("cells/grpo-s0*/attempts/001.json"))))
    attempt.write_text(json.dumps({**json.loads(attempt.read_text()), "ended": None, "outcome": None}))
    before = finished.record_hashes()
    again = finished.explorebench("queue", "demo.yaml")
    assert again.returncode == 0, again.stderr
    assert "6 of 6 cells done" in again.stdout
    assert finished.record_hashes() == before


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(
    fresh_workplace: Place, finished: Place, seed: int
) -> None:
    place, moments = fresh_workplace, random.Random(seed)
    for _ in range(2):
        process = place.start("queue", "demo.yaml")
        at = steps_done(place) + moments.randint(1, 6)
        until(lambda at=at: steps_done(place) >= at, process)  # type: ignore[misc]  # bound now
        if moments.random() < 0.5:
            os.kill(process.pid, signal.SIGKILL)  # the runner alone: its workers must follow
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    last = place.explorebench("queue", "demo.yaml")
    assert last.returncode == 0, last.stdout + last.stderr
    assert place.record_hashes() == finished.record_hashes()
    require_reconciled(place.run)


def test_a_killed_worker_is_a_row_and_the_others_go_on(fresh_workplace: Place, finished: Place) -> None:
    place = fresh_workplace
    process = place.start("queue", "demo.yaml")
    until(lambda: steps_done(place) >= 1, process)
    victim = worker_pids(place)[0]
    os.kill(victim, signal.SIGKILL)
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert "interrupted: killed: signal 9" in printed
    assert "5 of 6 cells done" in printed
    status = json.loads(place.explorebench("status", "runs/demo", "--json").stdout)
    assert sorted(cell["state"] for cell in status) == ["done"] * 5 + ["interrupted"]
    assert place.explorebench("queue", "demo.yaml").returncode == 0
    assert place.record_hashes() == finished.record_hashes()


@pytest.fixture
def small_disk(fresh_workplace: Place) -> Iterator[Callable[[str], None]]:
    """A disk of 4 MB under the runs of the workplace, and how to make it larger."""
    runs = fresh_workplace.run.parent
    runs.mkdir()

    def mount(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(runs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")

    mount("size=4m")
    yield lambda size: mount(f"remount,size={size}")
    subprocess.run(["umount", str(runs)], check=True)


def test_a_full_disk_is_a_row_and_room_is_all_it_takes(
    fresh_workplace: Place, finished: Place, small_disk: Callable[[str], None]
) -> None:
    place = fresh_workplace
    full = place.explorebench("queue", "demo.yaml")
    assert full.returncode == 1, full.stderr
    assert "Traceback" not in full.stderr
    assert ": failed: disk full: " in full.stderr
    states = {cell["state"] for cell in json.loads(place.explorebench("status", "runs/demo", "--json").stdout)}
    assert states <= {"done", "failed"}, "every cell had its turn and says how it went"
    small_disk("200m")
    assert place.explorebench("queue", "demo.yaml", "--retry-failed").returncode == 0
    assert place.record_hashes() == finished.record_hashes()


def test_ctrl_c_says_how_to_go_on(fresh_workplace: Place, finished: Place) -> None:
    place = fresh_workplace
    process = place.start("queue", "demo.yaml")
    until(lambda: steps_done(place) >= 2, process)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal sends to all of them
    printed, _ = process.communicate()
    assert process.returncode == 130, printed
    assert "stopped; nothing is lost. To go on: explorebench queue demo.yaml" in printed
    assert "Traceback" not in printed
    assert worker_pids(place) == [], "every attempt says how it ended"
    assert place.explorebench("queue", "demo.yaml").returncode == 0
    assert place.record_hashes() == finished.record_hashes()


Tuned = tuple[Place, subprocess.CompletedProcess[str]]


def test_a_tuned_run_tries_chooses_and_compares(tuned: Tuned) -> None:
    place, done = tuned
    assert done.returncode == 1, "one trial failed"
    assert "2 of 3 trials and 3 of 3 cells done. Next: explorebench report runs/demo" in done.stdout
    assert "trial grpo: learning_rate=0.0001 seed 1000000: done, 100%" in done.stdout
    assert re.search(r"^grpo-learning-rate-1e-39-s1000000-\w+: failed: diverged: ", done.stderr, re.M)
    choice = json.loads((place.run / "tuning.json").read_text())["arms"]["grpo"]
    assert choice["finished"] == [0, 1, 1]
    assert choice["point"] == max((1, 2), key=lambda point: choice["scores"][point])
    (log,) = place.run.glob("cells/grpo-s0-*/train.jsonl")
    assert {line["learning_rate"] for line in read_lines(log)} == {choice["values"]["learning_rate"]}


def test_trials_are_evaluated_on_the_validation_suite_and_nothing_else_is(tuned: Tuned) -> None:
    place, _ = tuned
    suites = {file.parts[1]: file.name for file in map(Path, place.record_hashes())}
    trials = {name for cell, name in suites.items() if "learning-rate" in cell}
    assert trials == {"0001-graphs-validation.parquet"}
    assert {name for cell, name in suites.items() if "learning-rate" not in cell} == {
        "0000-sorting.parquet",
        "0001-sorting.parquet",
    }


def test_status_marks_trials(tuned: Tuned) -> None:
    place, _ = tuned
    cells = json.loads(place.explorebench("status", "runs/demo", "--json").stdout)
    assert [(cell["arm"], cell["trial"]) for cell in cells] == [
        ("grpo: learning_rate=1e+39", True),
        ("grpo: learning_rate=0.0001", True),
        ("grpo: learning_rate=0.0002", True),
        ("base", False),
        ("grpo", False),
        ("entropy_bonus", False),
    ]
    assert "trial grpo: learning_rate=1e+39 seed 1000000: failed" in place.explorebench("status", "runs/demo").stdout


def test_a_tuned_run_queued_again_does_nothing(tuned: Tuned) -> None:
    place, _ = tuned
    files = [place.run / "tuning.json", *place.run.glob("cells/**/*")]
    before = {file: file.stat().st_mtime_ns for file in files if file.is_file()}
    assert "2 of 3 trials and 3 of 3 cells done" in place.explorebench("queue", "demo.yaml").stdout
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_killed_in_the_middle_of_trials_it_ends_with_the_same_bytes(fresh_tuned_workplace: Place, tuned: Tuned) -> None:
    place, (whole, _) = fresh_tuned_workplace, tuned
    for steps in (1, 4):  # the trials take seven steps
        process = place.start("queue", "demo.yaml")
        until(lambda steps=steps: steps_done(place) >= steps, process)  # type: ignore[misc]  # bound now
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not list(place.run.glob("cells/grpo-s0-*")), "its parameters are not known yet"
    assert place.explorebench("queue", "demo.yaml").returncode == 1
    assert place.record_hashes() == whole.record_hashes()
    assert (place.run / "tuning.json").read_bytes() == (whole.run / "tuning.json").read_bytes()
