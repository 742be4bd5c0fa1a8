"""Cells as submitit jobs: the local and debug executors take the path that Slurm takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from harness.plan.resolve import load_plan
from harness.store.paths import RunPaths
from harness.store.status import read_cells, read_trials
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
    for job in submit(plan, run, cluster, Resources(timeout_min=10))[1]:
        job.result()
    assert [cell.state for cell in read_cells(run)] == ["done", "done"]
    assert submit(plan, run, cluster, Resources())[1] == [], "nothing is left to submit"
    facts = json.loads(run.cell(plan.cells[0].id).identity.read_text())
    assert facts["fingerprint"]["threads"] == 1


TUNED = """
name: jobs
arms:
  - grpo:
    grid: {learning_rate: [1e-4, 2e-4]}
controls: false
baseline: grpo
seeds: 1
intervals: false
budget: {steps: 1}
checkpoints: 1
training: {prompts_per_step: 1, group_size: 4, pool: 8}
suites: [{sorting: {samples: 1}}]
tuning: {suite: {graphs-validation: {samples: 1}}, budget: {steps: 2}}
"""


def test_trials_are_submitted_first_and_the_cells_of_their_arm_when_they_are_over(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(TUNED)
    plan, run = load_plan(tmp_path / "plan.yaml"), RunPaths(tmp_path / "run")
    first, jobs = submit(plan, run, "debug", Resources())
    assert len(jobs) == 3, "two trials and the base model"
    assert first.arm("grpo").waiting
    for job in jobs:
        job.result()
    second, jobs = submit(plan, run, "debug", Resources())
    assert len(jobs) == 1
    jobs[0].result()
    assert second.arm("grpo").values["learning_rate"] in (1e-4, 2e-4)
    assert [cell.state for cell in (*read_trials(run), *read_cells(run))] == ["done"] * 4
    assert submit(plan, run, "debug", Resources())[1] == []
