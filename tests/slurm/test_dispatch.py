"""Cells as submitit jobs: the local and debug executors take the path that Slurm takes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

import pytest

from harness.errors import StoreError
from harness.plan.resolve import Plan, load_plan
from harness.store.paths import RunPaths
from harness.store.status import read_cells, read_trials
from slurm.code import CodeSnapshot, code_root
from slurm.dispatch import Dispatcher, Needs, Sent
from slurm.executor import Cluster
from slurm.limits import Limits
from slurm.profile import Profile
from slurm.queued import parsed
from slurm.submitted import Submitted, append_submitted

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
SWEEP = PLAN.replace("seeds: 1", "seeds: 7").replace("intervals: false", "")


def no_check(needs: Needs, snapshot: CodeSnapshot) -> None:
    pass


def no_wait() -> None:
    raise AssertionError("nobody else is sending")


def plan_in(folder: Path, text: str) -> tuple[Plan, RunPaths]:
    (folder / "plan.yaml").write_text(text)
    return load_plan(folder / "plan.yaml"), RunPaths(folder / "run")


def dispatcher(run: RunPaths, cluster: Cluster = "debug", limits: Limits | None = None) -> Dispatcher:
    return Dispatcher(run=run, cluster=cluster, profile=Profile(time=10), limits=limits or Limits())


def submit(plan: Plan, run: RunPaths, cluster: Cluster = "debug") -> Sent:
    return dispatcher(run, cluster).send(plan, no_check, no_wait)


@pytest.mark.parametrize("cluster", ["debug", "local"])
def test_a_job_makes_the_cell(cluster: Literal["debug", "local"], tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path, PLAN)
    sent = submit(plan, run, cluster)
    for job in sent.jobs:
        job.result()
    assert [cell.state for cell in read_cells(run)] == ["done", "done"]
    assert submit(plan, run, cluster).jobs == [], "nothing is left to send"
    facts = json.loads(run.cell(plan.cells[0].id).identity.read_text())["fingerprint"]
    assert facts["threads"] == 1
    # A debug job runs in this very process, which has its code already.
    assert facts.get("code") == (sent.snapshot.sha256 if cluster == "local" else None)


def test_arrays_are_split_where_the_cluster_says(tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path, SWEEP)
    needs = dispatcher(run, limits=Limits(array=5)).needs(plan)
    assert [len(array.jobs) for array in needs.arrays] == [5, 5, 4]
    assert [job.cell_id for array in needs.arrays for job in array.jobs][:7] == [cell.id for cell in plan.cells[:7]]


def test_only_as_many_cells_are_sent_as_there_is_room_for(tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path, SWEEP)
    needs = dispatcher(run, limits=Limits(user=9)).needs(plan)
    assert (needs.jobs, needs.left_out) == (9, 5)


def test_training_and_evaluation_are_jobs_of_their_own_where_the_plan_says_so(tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path, SWEEP + "evaluation: {separate: true}\n")
    needs = dispatcher(run, limits=Limits(array=4)).needs(plan)
    shape = [(array.stage, len(array.jobs), array.after) for array in needs.arrays]
    assert shape == [
        ("evaluate", 4, None),  # the base model has nothing to train
        ("evaluate", 3, None),
        ("train", 4, None),
        ("evaluate", 4, 2),
        ("train", 3, None),
        ("evaluate", 3, 4),
    ]
    for array in needs.arrays:
        if array.after is not None:
            cells = [job.cell_id for job in array.jobs]
            assert cells == [job.cell_id for job in needs.arrays[array.after].jobs], "each waits for its own"


def test_what_is_in_the_queue_is_known_by_run_and_number(tmp_path: Path) -> None:
    run = RunPaths(tmp_path)
    jobs = [Submitted(job="12", index=index, cell=f"c{index}", stage="all") for index in range(3)]
    append_submitted(run, [*jobs, Submitted(job="13", index=None, cell="alone", stage="all")])
    listed = "12|1|explorebench:demo:all\n13|N/A|explorebench:demo:all\n12|2|of another user of the number\n14|0|x|y\n"
    found = parsed(listed, run, "demo")
    assert found.cells == {"c1", "alone"}
    assert (found.jobs, found.continues, found.arrays["c1"]) == (4, False, "12")
    assert parsed("15|N/A|explorebench:demo:continue\n", run, "demo").continues
    assert parsed(listed, run, "other").cells == frozenset()


def test_a_check_that_fails_sends_nothing(tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path, PLAN)

    def refuse(needs: Needs, snapshot: CodeSnapshot) -> None:
        assert snapshot.folder.is_dir()
        raise StoreError("unfit")

    with pytest.raises(StoreError, match="unfit"):
        dispatcher(run).send(plan, refuse, no_wait)
    assert not list(run.jobs.glob("*_submitted.pkl"))


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    plan, _ = plan_in(tmp_path, PLAN)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"can't be written: .*; choose a folder on a disk that is yours"):
        submit(plan, RunPaths(tmp_path / "file" / "run"))


def test_local_jobs_leave_the_environment_as_it_was(tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path, PLAN)
    before = dict(os.environ)
    for job in submit(plan, run, "local").jobs:
        job.result()
    assert dict(os.environ) == before
    assert code_root() not in run.root.parents


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
    plan, run = plan_in(tmp_path, TUNED)
    first = submit(plan, run)
    assert len(first.jobs) == 3, "two trials and the base model"
    assert first.needs.plan.arm("grpo").waiting
    for job in first.jobs:
        job.result()
    second = submit(plan, run)
    assert len(second.jobs) == 1
    second.jobs[0].result()
    assert second.needs.plan.arm("grpo").values["learning_rate"] in (1e-4, 2e-4)
    assert [cell.state for cell in (*read_trials(run), *read_cells(run))] == ["done"] * 4
    assert submit(plan, run).jobs == []
