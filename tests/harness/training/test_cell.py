"""A cell: evaluated as often as it must be and no more, and a cause for everything that can end it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.errors import CellError
from harness.plan.resolve import Plan
from harness.store import attempts
from harness.store.atomic import read_lines
from harness.store.attempts import Attempt, read_attempts
from harness.store.paths import CellPaths
from harness.store.seal import SEAL, read_seal
from harness.store.status import cell_status
from harness.training.attempt import CellRun
from harness.training.trainer import StrategyTrainer
from suites import training_task
from suites.contract import Grade

Runner = Callable[[Plan, str, CellPaths], Attempt]
Hashes = Callable[[CellPaths], dict[str, str]]


def weights_at(paths: CellPaths, checkpoint: int) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = load_file(paths.checkpoint(checkpoint) / "model.safetensors")
    return weights


def test_evaluating_changes_nothing_in_training(
    make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan()
    with_it, without = CellPaths(tmp_path / "with"), CellPaths(tmp_path / "without")
    assert run_arm(plan, "grpo", with_it).outcome == "done"
    monkeypatch.setattr(CellRun, "evaluate", lambda self, checkpoints: None)
    run_arm(plan, "grpo", without)
    a, b = weights_at(with_it, 2), weights_at(without, 2)
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not list(without.records.glob("*"))


def test_a_suite_added_later_is_evaluated_without_training_again(
    make_plan: Callable[..., Plan], run_arm: Runner, record_hashes: Hashes, tmp_path: Path
) -> None:
    paths = CellPaths(tmp_path / "cell")
    run_arm(make_plan(), "grpo", paths)
    before = record_hashes(paths)
    more = make_plan(suites=[{"sorting": {"samples": 1}}, {"graphs": {"samples": 1, "at": "ends"}}])
    assert run_arm(more, "grpo", paths).outcome == "done"
    after = record_hashes(paths)
    assert set(after) - set(before) == {"0002-graphs.parquet"}
    assert {name: after[name] for name in before} == before
    assert {line["attempt"] for line in read_lines(paths.train)} == {1}


def test_records_made_under_other_settings_are_made_again(
    make_plan: Callable[..., Plan], run_arm: Runner, record_hashes: Hashes, tmp_path: Path
) -> None:
    paths = CellPaths(tmp_path / "cell")
    run_arm(make_plan(), "grpo", paths)
    before = record_hashes(paths)
    run_arm(make_plan(suites=[{"sorting": {"samples": 2}}]), "grpo", paths)
    after = record_hashes(paths)
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)


@pytest.mark.parametrize("unit", ["generated_tokens", "flops", "device_seconds"])
def test_checkpoints_stand_at_shares_of_any_budget(
    make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path, unit: str
) -> None:
    amount = {"generated_tokens": 1000, "flops": 5e9, "device_seconds": 0.5}[unit]
    plan = make_plan(budget={unit: amount})
    paths = CellPaths(tmp_path / "cell")
    assert run_arm(plan, "grpo", paths).outcome == "done"
    lines = {line["step"]: line for line in read_lines(paths.train)}
    for number, share in ((1, 0.5), (2, 1.0)):
        step = read_seal(paths.checkpoint(number))["step"]
        assert lines[step][unit] >= share * amount
        assert step == 1 or lines[step - 1][unit] < share * amount
    assert max(lines) == read_seal(paths.checkpoint(2))["step"]


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(
    make_plan: Callable[..., Plan], run_arm: Runner, record_hashes: Hashes, tmp_path: Path
) -> None:
    plan = make_plan(budget={"steps": 4}, checkpoints=4)
    paths = CellPaths(tmp_path / "cell")
    run_arm(plan, "grpo", paths)
    before = record_hashes(paths)
    weights = paths.checkpoint(4) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (paths.record(4, "sorting")).unlink()
    attempt = run_arm(plan, "grpo", paths)
    assert attempt.outcome == "done"
    assert attempt.resumed_from_step == 3
    assert "checkpoint damaged: 0004: model.safetensors has 1000 bytes" in attempt.notes[0]
    assert (paths.checkpoints / "0004.damaged-0" / SEAL).exists(), "nothing is deleted"
    assert record_hashes(paths) == before


def test_an_older_damaged_checkpoint_is_never_evaluated(
    make_plan: Callable[..., Plan], run_arm: Runner, record_hashes: Hashes, tmp_path: Path
) -> None:
    paths = CellPaths(tmp_path / "cell")
    run_arm(make_plan(), "grpo", paths)
    before = record_hashes(paths)
    weights = paths.checkpoint(1) / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1  # one bit: loads without a complaint, and is another model
    weights.write_bytes(data)
    more = make_plan(suites=[{"sorting": {"samples": 1}}, {"graphs": {"samples": 1}}])
    attempt = run_arm(more, "grpo", paths)
    assert attempt.cause is not None
    assert attempt.cause["kind"] == "checkpoint damaged"
    assert not paths.record(1, "graphs").exists()
    assert run_arm(more, "grpo", paths).outcome == "done", "trained again from the start"
    after = record_hashes(paths)
    assert {name: after[name] for name in before} == before
    assert len(list(paths.checkpoints.glob("*.damaged-*"))) == 2, "it and the one after it; nothing is deleted"


def cause_of(paths: CellPaths) -> str:
    status = cell_status(paths, "cell", "grpo", 0)
    assert status.state == "failed"
    assert status.cause is not None
    return status.cause


def test_a_loss_that_is_no_number_ends_the_cell(
    make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = StrategyTrainer.compute_loss

    def compute_loss(self: StrategyTrainer, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss: torch.Tensor = original(self, *args, **kwargs)
        return loss * float("nan") if self.state.global_step == 2 else loss

    monkeypatch.setattr(StrategyTrainer, "compute_loss", compute_loss)
    paths = CellPaths(tmp_path / "cell")
    assert run_arm(make_plan(), "grpo", paths).outcome == "failed"
    assert cause_of(paths) == "diverged: loss was nan at step 3"
    assert read_seal(paths.checkpoint(1))["step"] == 2, "what was sealed stays"
    assert paths.record(1, "sorting").exists()


def test_a_grader_that_raises_in_training_is_named(
    make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grader(item: object, text: str) -> Grade:
        raise ZeroDivisionError("oh")

    task = replace(training_task("countdown"), grader=grader)
    monkeypatch.setattr("harness.training.setup.training_task", lambda name: task)
    paths = CellPaths(tmp_path / "cell")
    run_arm(make_plan(), "grpo", paths)
    assert cause_of(paths).startswith("grader error: the grader of task countdown raised ZeroDivisionError on problem ")


def test_a_grader_that_raises_in_evaluation_is_named(
    make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path
) -> None:
    def grader(item: object, text: str) -> Grade:
        raise ZeroDivisionError("oh")

    plan = make_plan()
    ((use, suite),) = plan.suites
    paths = CellPaths(tmp_path / "cell")
    run_arm(replace(plan, suites=((use, replace(suite, grader=grader)),)), "grpo", paths)
    assert cause_of(paths).startswith("grader error: the grader of suite 'sorting' failed on ")
    assert paths.checkpoint(1).exists(), "the checkpoint is kept, and a retry evaluates it"


def test_a_full_disk_is_a_cause(make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path) -> None:
    plan, paths = make_plan(), CellPaths(tmp_path / "cell")
    paths.root.mkdir()
    paths.ledger.symlink_to("/dev/full")
    run_arm(plan, "grpo", paths)
    assert cause_of(paths).startswith("disk full: OSError: [Errno 28] No space left on device")
    paths.ledger.unlink()
    assert run_arm(plan, "grpo", paths).outcome == "done"


def test_a_model_that_became_unreadable_is_a_cause(
    make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(make_plan().model.folder, model)
    plan = make_plan(model=str(model))
    (model / "model.safetensors").write_bytes(b"short")
    paths = CellPaths(tmp_path / "cell")
    run_arm(plan, "base", paths)
    assert cause_of(paths).startswith(f"checkpoint damaged: can't load the model at {model}")


def test_two_processes_never_work_on_one_cell(make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path) -> None:
    paths = CellPaths(tmp_path / "cell")
    attempts.begin(paths)  # this very process, which lives
    with pytest.raises(CellError, match="is working on cell"):
        run_arm(make_plan(), "grpo", paths)
    assert len(read_attempts(paths)) == 1
