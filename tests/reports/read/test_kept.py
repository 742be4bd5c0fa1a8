"""What was read once is not read again, and never stands for a file that has changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import reports.read.items
import reports.read.tables
from harness.store.paths import RunPaths
from reports import write_report
from reports.read import Run, read_run

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun


def _tables(run: Run) -> list[pd.DataFrame]:
    return [run.scores, run.training, run.compute, run.watches, run.diagnostics, run.cosines, pd.DataFrame(run.events)]


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cells that were read from their own files."""
    seen: list[str] = []

    def here(work: Any, chunks: Any) -> list[Any]:
        seen.extend(cell.id for chunk in chunks for cell in chunk)
        return [work(chunk) for chunk in chunks]

    monkeypatch.setattr(reports.read.tables, "side_by_side", here)
    return seen


def test_only_a_cell_that_has_changed_is_read_again(
    write_run: WriteRun, spec: type[RunSpec], looked_at: list[str]
) -> None:
    root = write_run(spec(seed_noise=0.1))
    first = read_run(root)
    assert sorted(looked_at) == sorted(cell.id for cell in first.cells)
    looked_at.clear()
    again = read_run(root)
    assert looked_at == []
    for one, other in zip(_tables(first), _tables(again), strict=True):
        pd.testing.assert_frame_equal(one, other)
    changed = next(cell for cell in first.cells if cell.arm == "g2rl" and cell.seed == 1)
    log = RunPaths(root).cell(changed.id).train
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps({**line, "reward": 0.875}) + "\n" for line in lines))
    after = read_run(root).training
    assert looked_at == [changed.id]
    assert set(after.loc[after["cell"] == changed.id, "reward"]) == {0.875}
    before = first.training
    pd.testing.assert_frame_equal(before[before["cell"] != changed.id], after[after["cell"] != changed.id])


def test_a_kept_table_that_cant_be_read_is_read_from_the_cells(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    first = read_run(root)
    kept = sorted((root / "kept").iterdir())
    assert kept
    for damage in (b"", b"no table", kept[0].read_bytes()[:-20]):
        for path in kept:
            path.write_bytes(damage)
        for one, other in zip(_tables(first), _tables(read_run(root)), strict=True):
            pd.testing.assert_frame_equal(one, other)


def test_a_run_that_cant_be_written_is_read_all_the_same(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    (root / "kept").write_text("no folder can be made here")
    assert len(read_run(root).scores)


def test_a_plan_that_asks_for_other_suites_is_read_anew(
    write_run: WriteRun, spec: type[RunSpec], looked_at: list[str]
) -> None:
    root = write_run(spec())
    read_run(root)
    looked_at.clear()
    path = RunPaths(root).resolved
    plan = json.loads(path.read_text())
    plan["suites"] = plan["suites"][:1]
    path.write_text(json.dumps(plan))
    assert set(read_run(root).scores["suite"]) == {"countdown"}
    assert looked_at


def test_a_report_of_what_was_kept_has_the_same_bytes_and_leaves_answers_that_stand(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    root, site = write_run(spec(seed_noise=0.1)), tmp_path / "site"
    folder = write_report(root, site).root
    files = {path: (path.read_bytes(), path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}
    answers = sorted((folder / "answers").iterdir())
    write_report(root, site)
    assert {path: path.read_bytes() for path in files} == {path: content for path, (content, _) in files.items()}
    assert [path.stat().st_ino for path in answers] == [files[path][1] for path in answers]
    answers[0].write_text("")
    write_report(root, site)
    assert answers[0].read_bytes() == files[answers[0]][0]


def test_items_are_taken_from_what_was_kept_unless_their_cell_has_changed(
    write_run: WriteRun, spec: type[RunSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_run(spec(seed_noise=0.1))
    wanted = [(arm, seed, 2, "countdown") for arm in ("base", "grpo", "g2rl") for seed in range(3)]
    first = read_run(root).items
    first.read_ahead(wanted)
    RunPaths(root).cell("02-1").record(2, "countdown").touch()
    seen: list[str] = []

    def here(work: Any, chunks: Any) -> list[Any]:
        seen.extend(f"{arm}-{seed}" for chunk in chunks for arm, seed, _, _ in chunk)
        return [work(chunk) for chunk in chunks]

    monkeypatch.setattr(reports.read.items, "side_by_side", here)
    again = read_run(root).items
    again.read_ahead(wanted)
    assert seen == ["g2rl-1"]
    for key in wanted:
        one, other = first.of(*key), again.of(*key)
        assert one is not None
        assert other is not None
        assert (one.names, one.samples, one.counted) == (other.names, other.samples, other.counted)
        np.testing.assert_array_equal(one.scores, other.scores)
        np.testing.assert_array_equal(one.correct, other.correct)
    for path in (root / "kept").iterdir():
        path.write_bytes(b"no table")
    damaged = read_run(root).items
    damaged.read_ahead(wanted)
    assert damaged.of(*wanted[0]) is not None
