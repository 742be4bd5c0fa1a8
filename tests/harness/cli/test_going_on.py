"""Cancel, resume, retry and logs, on a run's files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.plan.resolve import Plan
from harness.runner.logs import followed, log_files
from harness.runner.prepare import need_of, prepare
from harness.store.attempts import begin, end, update
from harness.store.paths import RunPaths
from harness.store.wishes import is_to_rest


@pytest.fixture
def plan(make_plan: Callable[..., Plan]) -> Plan:
    return make_plan(arms=["grpo", "dr_grpo"], seeds=[0])


@pytest.fixture
def run(plan: Plan, tmp_path: Path) -> RunPaths:
    """A run of three cells: base, grpo, dr_grpo."""
    run = RunPaths(tmp_path / "runs" / plan.name)
    prepare(plan, run)
    return run


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `queue` was asked for, in the place of doing it."""
    import importlib

    calls: list[dict[str, Any]] = []
    module = importlib.import_module("harness.cli.queue")
    monkeypatch.setattr(module.queue, "callback", lambda **options: calls.append(options))
    return calls


def cell_of(plan: Plan, arm: str) -> str:
    return next(cell.id for cell in plan.cells if cell.arm == arm)


def command(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def needs(plan: Plan, run: RunPaths) -> dict[str, str]:
    return {cell.arm: need_of(plan, cell, run, retry_failed=False) for cell in plan.cells}


def test_an_arm_rests_until_it_is_resumed(plan: Plan, run: RunPaths, queued: list[dict[str, Any]]) -> None:
    done = command("cancel", run.root, "--arm", "grpo")
    assert done.exit_code == 0, done.output
    assert "1 of 1 cells are to rest; 0 of them run" in done.output
    assert needs(plan, run) == {"base": "run", "grpo": "cancelled", "dr_grpo": "run"}
    assert "grpo seed 0: cancelled, 0%" in command("status", run.root).output
    done = command("resume", run.root, "--cell", cell_of(plan, "grpo")[:6])
    assert done.exit_code == 0, done.output
    assert "1 cells that were cancelled go on" in done.output
    assert needs(plan, run)["grpo"] == "run"
    (options,) = queued
    assert (options["plan_file"], options["runs"], options["on"]) == (run.plan, run.root.parent, "local")


def test_what_is_done_or_failed_is_not_cancelled(plan: Plan, run: RunPaths) -> None:
    end(run.cell(cell_of(plan, "base")), begin(run.cell(cell_of(plan, "base"))), "done")
    begin(run.cell(cell_of(plan, "grpo")))  # this process, which lives
    done = command("cancel", run.root)
    assert "2 of 3 cells are to rest; 1 of them run and stop at their next step" in done.output
    assert [is_to_rest(run.cell(cell.id)) for cell in plan.cells] == [False, True, True]


def test_a_running_cell_that_is_to_rest_stops(plan: Plan, run: RunPaths) -> None:
    from harness.training.cell import run_cell

    cell = next(cell for cell in plan.cells if cell.arm == "base")
    command("cancel", run.root, "--arm", "base")
    ended = run_cell(plan, cell, run.cell(cell.id), threads=1)
    assert (ended.outcome, ended.cause and ended.cause["kind"]) == ("interrupted", "cancelled")
    assert needs(plan, run)["base"] == "cancelled"


def test_a_failure_is_retried_once(plan: Plan, run: RunPaths, queued: list[dict[str, Any]]) -> None:
    paths = run.cell(cell_of(plan, "grpo"))
    end(paths, begin(paths), "failed", {"kind": "diverged", "message": "loss was nan"})
    assert needs(plan, run)["grpo"] == "failed"
    assert command("retry", run.root).exit_code == 2, "which cells?"
    done = command("retry", run.root, "--failed", "--on", "slurm")
    assert "1 of 3 cells have failed and are tried again" in done.output
    assert queued[0]["on"] == "slurm"
    assert needs(plan, run)["grpo"] == "run"
    end(paths, begin(paths), "failed", {"kind": "diverged", "message": "loss was nan"})
    assert needs(plan, run)["grpo"] == "failed"


def test_nothing_that_failed_is_nothing_to_queue(run: RunPaths, queued: list[dict[str, Any]]) -> None:
    assert "0 of 3 cells have failed" in command("retry", run.root, "--failed").output
    assert queued == []


def test_a_name_that_nothing_has_gets_the_nearest(plan: Plan, run: RunPaths) -> None:
    done = command("cancel", run.root, "--arm", "grp")
    assert done.exit_code == 2
    assert "no arm named 'grp'. Did you mean 'grpo'? Known: base, grpo, dr_grpo" in done.output
    done = command("cancel", run.root, "--cell", "g2rl")
    assert "no cell named 'g2rl'." in done.output
    assert not any(is_to_rest(run.cell(cell.id)) for cell in plan.cells)
    assert "2 cells begin with ''" not in done.output


def test_logs_shows_the_end_of_the_last_attempts_output_and_lets_nothing_act(plan: Plan, run: RunPaths) -> None:
    cell = cell_of(plan, "grpo")
    paths = run.cell(cell)
    end(paths, begin(paths), "interrupted")
    end(paths, begin(paths), "done")
    paths.log(1).write_text("first\n")
    paths.log(2).write_text("a\nb\n\x1b[31mred\n")
    done = command("logs", run.root, cell[:8], "--lines", "2")
    assert done.output == f"==> {paths.log(2)} <==\nb\n␛[31mred\n"
    assert command("logs", run.root, cell, "--attempt", "1", "--path").output == f"{paths.log(1)}\n"
    done = command("logs", run.root, cell, "--attempt", "3")
    assert (done.exit_code, "has had 2 attempts; got --attempt 3" in done.output) == (2, True)
    done = command("logs", run.root, cell_of(plan, "dr_grpo"))
    assert re.search(r"nothing printed is here; looked at .*attempts", done.output)


def test_logs_finds_the_files_of_a_job_by_its_name_in_its_array(plan: Plan, run: RunPaths) -> None:
    cell = cell_of(plan, "grpo")
    end(run.cell(cell), update(run.cell(cell), begin(run.cell(cell)), job="19", task="17_2"), "done")
    folder = run.jobs / "train"
    folder.mkdir(parents=True)
    for name in ("17_2_0_log.out", "17_2_0_log.err", "17_20_0_log.out", "19_1_0_log.out"):
        (folder / name).touch()
    found = log_files(run, cell, None, [])
    assert {file.name for file in found} >= {"17_2_0_log.out", "17_2_0_log.err"}
    assert folder / "17_20_0_log.out" not in found
    other = cell_of(plan, "dr_grpo")
    assert log_files(run, other, None, ["5_0", "17_20"]) == [folder / "17_20_0_log.out"], "it never began an attempt"


def test_following_ends_with_the_attempt(plan: Plan, run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = run.cell(cell_of(plan, "grpo"))
    attempt = begin(paths)
    paths.log(1).write_text("before\n")
    looks = 0

    def writes(seconds: float) -> None:
        nonlocal looks
        looks += 1
        with paths.log(1).open("a") as stream:
            stream.write(f"line {looks}\nhal" if looks == 1 else "f\nend")
        if looks == 2:
            end(paths, attempt, "done")

    monkeypatch.setattr("harness.runner.logs.time.sleep", writes)
    assert list(followed(paths, [paths.log(1)])) == ["line 1", "half", "end"]
