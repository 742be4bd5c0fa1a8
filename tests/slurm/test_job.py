"""What runs inside a job, without Slurm: submitit's local executor sends the signal that Slurm would."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import CellError
from harness.plan.resolve import Plan, load_plan
from harness.runner.prepare import prepare
from harness.store.atomic import read_lines
from harness.store.attempts import begin, end, read_attempts
from harness.store.paths import RunPaths
from slurm.again import queue_again
from slurm.job import CellJob
from slurm.notices import Notices

PLAN = """
name: jobs
arms: [grpo]
controls: false
baseline: grpo
seeds: 1
intervals: false
budget: {steps: 16}
checkpoints: 1
training: {prompts_per_step: 2, group_size: 4, pool: 64}
suites: [{sorting: {samples: 1}}]
"""
SECONDS = 300.0


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "plan.yaml").write_text(PLAN)
    return load_plan(tmp_path / "plan.yaml")


def prepared(plan: Plan, root: Path) -> RunPaths:
    prepare(plan, RunPaths(root))
    return RunPaths(root)


def cell_of(plan: Plan) -> str:
    return next(cell.id for cell in plan.cells if cell.arm == "grpo")


def hashes(run: RunPaths, cell: str) -> list[str]:
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(run.cell(cell).records.glob("*.parquet"))]


def until(condition: Callable[[], Any], process: subprocess.Popen[bytes]) -> None:
    """Wait for `condition` to hold while `process` runs."""
    limit = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < limit, "the moment did not come"
        time.sleep(0.05)


def test_a_signalled_job_saves_asks_to_be_queued_again_and_goes_on(plan: Plan, tmp_path: Path) -> None:
    import submitit

    cell = cell_of(plan)
    cut, whole = prepared(plan, tmp_path / "cut"), prepared(plan, tmp_path / "whole")
    executor = submitit.LocalExecutor(folder=cut.jobs)
    executor.update_parameters(timeout_min=60)
    job = executor.submit(CellJob(str(cut.root), cell, 1))
    process = job._process  # submitit has no other way to it
    assert process is not None
    until(lambda: len(read_lines(cut.cell(cell).train)) >= 3, process)
    (attempt,) = read_attempts(cut.cell(cell))
    subprocess.run(["kill", f"-{signal.SIGUSR2.name[3:]}", str(attempt.pid)], check=True)
    job.result()
    first, second = read_attempts(cut.cell(cell))
    assert (first.outcome, first.cause) == ("interrupted", {"kind": "preempted", "message": "SIGUSR2"})
    lines = read_lines(cut.cell(cell).train)
    assert second.resumed_from_step == max(line["step"] for line in lines if line["attempt"] == 1)
    assert [line["step"] for line in lines] == list(range(1, 17)), "no step is taken twice"
    CellJob(str(whole.root), cell, 1)()
    assert hashes(cut, cell) == hashes(whole, cell)


def test_a_job_whose_cell_another_has_ends_well(plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = prepared(plan, tmp_path / "run")
    begin(run.cell(cell_of(plan)))  # this process, which lives
    CellJob(str(run.root), cell_of(plan), 1)()
    assert "nothing to do: process " in capsys.readouterr().out
    assert len(read_attempts(run.cell(cell_of(plan)))) == 1


def test_a_job_whose_cell_fails_has_failed(plan: Plan, tmp_path: Path) -> None:
    run = prepared(plan, tmp_path / "run")
    paths = run.cell(cell_of(plan))
    paths.root.mkdir(parents=True)
    paths.ledger.symlink_to("/dev/full")
    with pytest.raises(CellError, match="disk full"):
        CellJob(str(run.root), cell_of(plan), 1)()
    assert read_attempts(paths)[0].outcome == "failed"


def test_two_jobs_that_end_as_they_began_are_enough(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.store.attempts import update
    from harness.store.progress import found

    run = prepared(plan, tmp_path / "run")
    paths = run.cell(cell_of(plan))
    for number in (1, 2):
        monkeypatch.setenv("SLURM_JOB_ID", str(number))
        attempt = update(paths, begin(paths), found=found(paths))
        end(paths, attempt, "interrupted", {"kind": "preempted", "message": "by another job"})
    monkeypatch.setenv("SLURM_JOB_ID", "3")
    with pytest.raises(CellError, match="no progress: 2 jobs in a row left the cell where they found it"):
        CellJob(str(run.root), cell_of(plan), 1)()


def test_signals_are_only_noted_and_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGUSR2)
    notices = Notices()
    with notices.listening():
        assert notices.stop() is None
        signal.raise_signal(signal.SIGCONT)
        assert notices.stop() is None
        signal.raise_signal(signal.SIGTERM)
        assert notices.heard == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGUSR2) == before


def test_a_controller_that_does_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    asked: list[int] = []

    def handler(number: int, frame: object) -> None:
        asked.append(number)
        if len(asked) < 3:
            raise subprocess.CalledProcessError(1, ["scontrol", "requeue", "7"])
        raise SystemExit(-1)

    with pytest.raises(SystemExit):
        queue_again(Notices(before={signal.SIGUSR2: handler}))
    assert asked == [signal.SIGUSR2] * 3
    assert pauses == [0.2, 0.4], "srun may be ending the tasks of the job, what asks Slurm among them"


def test_where_nobody_can_queue_it_again_it_just_ends() -> None:
    queue_again(Notices(before={signal.SIGUSR2: signal.SIG_DFL}))
