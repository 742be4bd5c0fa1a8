"""Cells as submitit jobs: the local and debug executors take the path that Slurm takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from harness.plan.resolve import load_plan
from harness.store.paths import RunPaths
from harness.store.status import read_cells
from slurm.dispatch import Resources, submit

PLAN = """
name: jobs
arms: [grpo]
baseline: grpo
seeds: 1
intervals: false
budget: {steps: 1}
checkpoints: 1
training: {prompts_per_step: 1, group_size: 4, pool: 8}
suites: [{sorting: {samples: 1}}]
"""


@pytest.mark.parametrize("cluster", ["debug", "local"])
def test_a_job_makes_the_cell(cluster: Literal["debug", "local"], tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    plan, run = load_plan(tmp_path / "plan.yaml"), RunPaths(tmp_path / "run")
    for job in submit(plan, run, cluster, Resources(timeout_min=10)):
        job.result()
    assert [cell.state for cell in read_cells(run)] == ["done", "done"]
    assert submit(plan, run, cluster, Resources()) == [], "nothing is left to submit"
    facts = json.loads(run.cell(plan.cells[0].id).identity.read_text())
    assert facts["fingerprint"]["threads"] == 1
