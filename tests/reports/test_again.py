"""A report that uses what the one before has kept is the same, byte for byte, as one that is made from nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import reports.read.kept
from harness.evaluation.records import read_records, write_records
from harness.store.paths import RunPaths
from harness.store.status import read_cells
from reports import write_report
from reports.answers import Gallery
from reports.findings import findings
from reports.read import read_run
from reports.read.files import CellFile
from reports.read.plan import PlanView, read_plan

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

CELL = "02-1"


def _appears(run: RunPaths, aside: Path) -> None:
    shutil.move(aside, run.cell(CELL).root)


def _goes(run: RunPaths, aside: Path) -> None:
    shutil.move(run.cell("01-2").root, aside)


def _is_graded_anew(run: RunPaths, aside: Path) -> None:
    """Change what a cell scored that has been there all along."""
    cell = run.cell("01-0")
    shutil.move(aside, run.cell(CELL).root)
    other = read_records(run.cell("01-1").record(2, "countdown"))
    key = read_records(cell.record(2, "countdown")).key
    write_records(cell.record(2, "countdown"), key, other.items, settings="made up")


def _logs_otherwise(run: RunPaths, aside: Path) -> None:
    log = run.cell("01-0").train
    lines = [{**json.loads(line), "reward": 0.875} for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _has_another_plan(run: RunPaths, aside: Path) -> None:
    plan = json.loads(run.resolved.read_text())
    plan["verdicts"]["margin"] = 3.0
    plan["suites"][1]["primary"] = True
    run.resolved.write_text(json.dumps(plan))


@pytest.mark.parametrize("change", [_appears, _goes, _is_graded_anew, _logs_otherwise, _has_another_plan])
def test_a_run_that_has_changed_is_reported_as_if_for_the_first_time(
    write_run: WriteRun,
    spec: type[RunSpec],
    tmp_path: Path,
    change: Callable[[RunPaths, Path], None],
) -> None:
    run = RunPaths(write_run(spec(seed_noise=0.1, arms=("grpo", "g2rl", "dapo"))))
    aside = tmp_path / "aside"
    shutil.move(run.cell(CELL).root, aside)
    write_report(run.root, tmp_path / "site")
    change(run, aside)
    again = write_report(run.root, tmp_path / "site").root
    shutil.rmtree(run.root / "kept")
    assert _files(again) == _files(write_report(run.root, tmp_path / "anew").root)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_other_code_reads_all_anew(write_run: WriteRun, spec: type[RunSpec], monkeypatch: pytest.MonkeyPatch) -> None:
    plan, files = _plan_and_files(write_run(spec()))
    today = reports.read.kept.states(plan, files)
    assert reports.read.kept.states(plan, files) == today
    monkeypatch.setattr(reports.read.kept, "_reader", lambda: "other code")
    assert not set(today.values()) & set(reports.read.kept.states(plan, files).values())


def _plan_and_files(root: Path) -> tuple[PlanView, list[CellFile]]:
    paths = RunPaths(root)
    return read_plan(paths), [CellFile(one.id, one.arm, one.seed, paths.cell(one.id)) for one in read_cells(paths)]


def test_what_stands_for_a_plan_is_the_same_in_every_process(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec(arms=("grpo", "g2rl", "dapo")))
    code = (
        "import sys; from pathlib import Path; from harness.store.paths import RunPaths; "
        "from reports.read.plan import read_plan; print(repr(read_plan(RunPaths(Path(sys.argv[1])))))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code, str(root)],
            env={**os.environ, "PYTHONHASHSEED": number},
            capture_output=True,
            check=True,
        ).stdout
        for number in ("1", "2", "3")
    }
    assert len(said) == 1


def test_answers_are_the_same_whatever_pages_were_made_before(write_run: WriteRun, spec: type[RunSpec]) -> None:
    found = findings(read_run(write_run(spec(seed_noise=0.1, arms=("grpo", "g2rl", "dapo")))))
    arms = found.run.plan.trained_arms
    one_by_one = {arm: Gallery(found).of(arm, 3) for arm in arms}
    assert any(one_by_one.values())
    for order in (arms, arms[::-1]):
        gallery = Gallery(found)
        assert {arm: gallery.of(arm, 3) for arm in order} == one_by_one
