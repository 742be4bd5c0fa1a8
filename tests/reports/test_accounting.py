from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.store import attempts
from harness.store.atomic import write_json
from harness.store.paths import RunPaths
from reports import write_report
from reports.accounting import accounting_table
from reports.read import read_run

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun


def test_slurms_numbers_stand_beside_ours(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    paths = RunPaths(write_run(spec()))
    assert accounting_table(read_run(paths.root)).rows == ()
    cell = paths.cell("01-0")
    attempt = replace(attempts.read_attempts(cell)[0], job="42")
    write_json(cell.attempt(1), {**json.loads(cell.attempt(1).read_text()), "job": attempt.job})
    told = {"state": "COMPLETED", "elapsed_s": 12.0, "cpu_s": 11.5, "max_rss_bytes": 2**29, "allocated": "cpu=1"}
    write_json(paths.accounting, {job: [{**told, "energy_joules": None}] for job in ("42", "43")})
    (row,) = accounting_table(read_run(paths.root)).rows
    # Eight steps of 0.45 s, and two evaluations of 2 s.
    assert row == ("grpo", "0", "1", "42", "COMPLETED", "12.0", "7.6", "11.5", "512", "unknown", "cpu=1")
    page = write_report(paths.root, tmp_path / "site").page.read_text()
    assert "Slurm&#39;s accounting, beside ours" in page or "Slurm's accounting, beside ours" in page
