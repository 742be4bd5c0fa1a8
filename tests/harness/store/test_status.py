"""The state of a cell is what its files show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.store.atomic import append_line, write_json
from harness.store.attempts import begin, end, update
from harness.store.paths import CellPaths, RunPaths
from harness.store.status import CellStatus, cell_status, read_cells, read_resolved
from harness.store.version import written_here


def status(paths: CellPaths) -> CellStatus:
    return cell_status(paths, "grpo-s0", "grpo", 0)


def test_a_cell_without_files_waits(paths: CellPaths) -> None:
    assert status(paths) == CellStatus(
        id="grpo-s0",
        arm="grpo",
        seed=0,
        state="waiting",
        cause=None,
        share=0.0,
        phase="",
        attempts=0,
        last_step={},
        notes=(),
    )


def test_a_cell_runs_while_its_process_does(paths: CellPaths) -> None:
    update(paths, begin(paths), phase="training", notes=("resumed",))
    append_line(paths.train, {"step": 3, "share": 0.25})
    found = status(paths)
    assert (found.state, found.cause, found.phase, found.share) == ("running", None, "training", 0.25)
    assert (found.last_step, found.notes) == ({"step": 3, "share": 0.25}, ("resumed",))


def test_a_cell_whose_process_is_gone_was_killed(paths: CellPaths) -> None:
    attempt = begin(paths)
    update(paths, replace(attempt, pid_started="0"), phase="training")
    found = status(paths)
    assert (found.state, found.cause, found.phase) == ("interrupted", "killed: its process is gone", "")


@pytest.mark.parametrize(
    ("outcome", "cause", "state"),
    [
        ("done", None, "done"),
        ("interrupted", None, "interrupted"),
        ("interrupted", {"kind": "interrupted", "message": "Ctrl-C"}, "interrupted"),
        ("failed", {"kind": "killed", "message": "signal 9"}, "interrupted"),
        ("failed", {"kind": "interrupted", "message": "Ctrl-C"}, "interrupted"),
        ("failed", {"kind": "diverged", "message": "loss is nan"}, "failed"),
        ("failed", {"kind": "out of memory", "message": "12 GiB"}, "failed"),
        ("failed", None, "failed"),
    ],
)
def test_an_attempt_that_ended_says_how(
    outcome: Any, cause: dict[str, str] | None, state: str, paths: CellPaths
) -> None:
    end(paths, begin(paths), outcome, cause)
    append_line(paths.train, {"step": 3, "share": 0.25})
    found = status(paths)
    assert found.state == state
    assert found.cause == (f"{cause['kind']}: {cause['message']}" if cause else None)
    assert found.share == (1.0 if state == "done" else 0.25)


def test_the_last_attempt_counts_and_the_notes_of_all_are_kept(paths: CellPaths) -> None:
    first = update(paths, begin(paths), notes=("checkpoint damaged",))
    end(paths, first, "failed", {"kind": "diverged", "message": "loss is nan"})
    second = update(paths, begin(paths), notes=("resumed",))
    end(paths, second, "done")
    found = status(paths)
    assert (found.state, found.attempts, found.notes) == ("done", 2, ("checkpoint damaged", "resumed"))


def test_a_torn_log_shows_its_last_whole_step(paths: CellPaths) -> None:
    begin(paths)
    append_line(paths.train, {"step": 1, "share": 0.5})
    with paths.train.open("a") as stream:
        stream.write('{"step": 2, "sha')
    assert status(paths).last_step == {"step": 1, "share": 0.5}


def test_a_run_lists_its_cells_in_the_plans_order(tmp_path: Path) -> None:
    run = RunPaths(tmp_path)
    cells = [{"id": name, "arm": name[0], "seed": 1} for name in ("b", "a")]
    write_json(run.resolved, {**written_here(), "arms": [], "suites": [], "cells": cells})
    end(run.cell("a"), begin(run.cell("a")), "done")
    assert [(cell.id, cell.state) for cell in read_cells(run)] == [("b", "waiting"), ("a", "done")]


@pytest.mark.parametrize("kind", ["absent", "empty folder", "file"])
def test_what_is_no_run_is_told(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    if kind == "empty folder":
        root.mkdir()
    if kind == "file":
        root.write_text("")
    expected = f"{root} is not a run: plan.resolved.json isn't there. Expected a folder made by `explorebench queue`"
    with pytest.raises(StoreError) as caught:
        read_resolved(RunPaths(root))
    assert str(caught.value) == expected
