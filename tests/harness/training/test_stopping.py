"""A cell that is asked to stop, at any step and between any two batches: the same bytes as one that is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.errors import CellError
from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from harness.store.attempts import Attempt, is_lost, read_attempts, read_resumes
from harness.store.paths import CellPaths
from harness.store.seal import read_seal
from harness.store.stages import Stage
from harness.store.status import cell_status
from harness.training.attempt import Order
from harness.training.cell import run_cell
from harness.training.loop import CellLoop

Hashes = Callable[[CellPaths], dict[str, str]]

G2RL = {"name": "g2rl", "g2rl": {"form": "centred"}}
RESETS: dict[str, Any] = {
    "name": "resets",
    "with_resets": {"strategy": "grpo", "trigger": "every", "every_steps": 2, "action": "reference"},
}


class Stopping:
    """Asks a cell to stop when something has happened so often."""

    def __init__(self, kind: Any = "preempted") -> None:
        self.cause = CellError(kind, "as Slurm said")
        self.asked = False

    def __call__(self) -> CellError | None:
        return self.cause if self.asked else None


def attempted(plan: Plan, arm: str, paths: CellPaths, stage: Stage = "all", stop: Any = lambda: None) -> Attempt:
    cell = next(cell for cell in plan.cells if cell.arm == arm)
    return run_cell(plan, cell, paths, 1, Order(stage=stage, stop=stop))


def stopped_at_step(plan: Plan, arm: str, paths: CellPaths, step: int) -> Attempt:
    """Make an attempt that is asked to stop while `step` is being taken."""
    stopping, original = Stopping(), CellLoop.on_step_begin

    def on_step_begin(self: CellLoop, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        original(self, args, state, control, **kwargs)
        stopping.asked = stopping.asked or state.global_step + 1 == step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CellLoop, "on_step_begin", on_step_begin)
        return attempted(plan, arm, paths, stop=stopping)


def same_weights(a: CellPaths, b: CellPaths, checkpoint: int) -> bool:
    one, other = (load_file(paths.checkpoint(checkpoint) / "model.safetensors") for paths in (a, b))
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("arm", "training"),
    [
        (G2RL, {"micro_batch": 4}),
        (RESETS, {"kl": 0.05, "learning_rate": 1e-3}),
        ("grpo", {"pool": 6, "warmup_steps": 5}),
        ("grpo", {"learning_rate": 1e-2, "lora": {"rank": 2}}),
        ("dynamic_sampling", {"pool": 12}),
    ],
    ids=["g2rl with accumulation", "resets", "in a second epoch", "adapters", "prompts out of turn"],
)
def test_a_cell_stopped_between_checkpoints_loses_nothing(
    make_plan: Callable[..., Plan], record_hashes: Hashes, tmp_path: Path, arm: Any, training: dict[str, Any]
) -> None:
    name = arm if isinstance(arm, str) else arm["name"]
    plan = make_plan(arms=[arm], baseline=name, training=training, budget={"steps": 6}, checkpoints=2)
    whole, cut = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "cut")
    assert attempted(plan, name, whole).outcome == "done"
    for step in (1, 2, 5):
        ended = stopped_at_step(plan, name, cut, step)
        assert (ended.outcome, ended.cause) == ("interrupted", {"kind": "preempted", "message": "as Slurm said"})
        assert [int(folder.name) for folder in cut.resumable.iterdir()] == [step], "the one before is deleted"
    assert attempted(plan, name, cut).outcome == "done"

    assert [attempt.resumed_from_step for attempt in read_attempts(cut)] == [0, 1, 2, 5]
    assert record_hashes(cut) == record_hashes(whole)
    assert sorted(folder.name for folder in cut.checkpoints.iterdir()) == ["0001", "0002"]
    assert not cut.resumable.exists()
    assert not cut.scratch.exists()
    assert all(same_weights(whole, cut, checkpoint) for checkpoint in (1, 2))
    resumes = read_resumes(cut)
    lines = read_lines(cut.train)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6], "no step is taken twice"
    assert not any(is_lost(line["attempt"], line["step"], resumes) for line in lines)
    assert [line["reward"] for line in lines] == [line["reward"] for line in read_lines(whole.train)]


def test_with_several_updates_a_generation_it_stops_after_the_last_of_them(
    make_plan: Callable[..., Plan], record_hashes: Hashes, tmp_path: Path
) -> None:
    plan = make_plan(training={"minibatches": 2}, budget={"steps": 8}, checkpoints=1)
    whole, cut = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "cut")
    attempted(plan, "grpo", whole)
    assert stopped_at_step(plan, "grpo", cut, 3).outcome == "interrupted"
    assert [int(folder.name) for folder in cut.resumable.iterdir()] == [4]
    assert attempted(plan, "grpo", cut).outcome == "done"
    assert record_hashes(cut) == record_hashes(whole)


def test_asked_at_a_checkpoint_it_seals_it_and_evaluates_later(
    make_plan: Callable[..., Plan], record_hashes: Hashes, tmp_path: Path
) -> None:
    plan = make_plan()
    whole, cut = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "cut")
    attempted(plan, "grpo", whole)
    assert stopped_at_step(plan, "grpo", cut, 2).outcome == "interrupted"
    assert cut.checkpoint(1).exists()
    assert not cut.resumable.exists()
    assert record_hashes(cut) == {}
    assert attempted(plan, "grpo", cut).outcome == "done"
    assert record_hashes(cut) == record_hashes(whole)


def test_an_evaluation_is_left_between_batches_and_gone_on_with(
    make_plan: Callable[..., Plan], record_hashes: Hashes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.evaluation.answers import AnswerStore

    plan = make_plan(evaluation={"batch_size": 16})
    whole, cut = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "cut")
    attempted(plan, "base", whole)
    add, batches, stopping = AnswerStore.add, list[int](), Stopping("time limit")

    def added(self: AnswerStore, *args: Any) -> None:
        add(self, *args)
        batches.append(len(args[1]))
        stopping.asked = len(batches) == 1

    monkeypatch.setattr(AnswerStore, "add", added)
    assert attempted(plan, "base", cut, stop=stopping).cause == {"kind": "time limit", "message": "as Slurm said"}
    assert (len(batches), record_hashes(cut)) == (1, {})
    assert attempted(plan, "base", cut).outcome == "done"
    assert sum(batches) == sum(len(suite.items) * suite.samples for _, suite in plan.suites), "no batch twice"
    assert record_hashes(cut) == record_hashes(whole)


def test_a_state_between_checkpoints_that_is_damaged_is_not_used(
    make_plan: Callable[..., Plan], record_hashes: Hashes, tmp_path: Path
) -> None:
    plan = make_plan(budget={"steps": 6})
    whole, cut = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "cut")
    attempted(plan, "grpo", whole)
    stopped_at_step(plan, "grpo", cut, 5)
    (cut.resumable_at(5) / "optimizer.pt").write_bytes(b"")
    last = attempted(plan, "grpo", cut)
    assert last.resumed_from_step == 3
    assert last.notes[0].startswith("state at step 5 damaged: optimizer.pt has 0 bytes")
    assert record_hashes(cut) == record_hashes(whole)


def test_a_state_behind_a_damaged_checkpoint_is_not_used(
    make_plan: Callable[..., Plan], record_hashes: Hashes, tmp_path: Path
) -> None:
    plan = make_plan(budget={"steps": 6})
    whole, cut = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "cut")
    attempted(plan, "grpo", whole)
    stopped_at_step(plan, "grpo", cut, 5)
    (cut.checkpoint(1) / "optimizer.pt").write_bytes(b"")
    assert attempted(plan, "grpo", cut).resumed_from_step == 0, "it would never make the first checkpoint again"
    assert record_hashes(cut) == record_hashes(whole)


def test_training_and_evaluating_apart_gives_the_same_records(
    make_plan: Callable[..., Plan], record_hashes: Hashes, tmp_path: Path
) -> None:
    plan = make_plan()
    whole, apart = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "apart")
    attempted(plan, "grpo", whole)
    assert attempted(plan, "grpo", apart, "train").outcome == "done"
    assert record_hashes(apart) == {}
    status = cell_status(apart, "cell", "grpo", 0)
    assert (status.state, status.cause) == ("waiting", "trained, and not evaluated yet")
    assert attempted(plan, "grpo", apart, "evaluate").outcome == "done"
    assert cell_status(apart, "cell", "grpo", 0).state == "done"
    assert record_hashes(apart) == record_hashes(whole)
    assert (
        read_seal(apart.checkpoint(2))["files"]["model.safetensors"]
        == (read_seal(whole.checkpoint(2))["files"]["model.safetensors"])
    )
    assert read_resumes(apart) == {1: 0}, "an evaluation throws no step away"


def test_evaluating_what_is_not_trained_says_what_is_missing(
    make_plan: Callable[..., Plan], record_hashes: Hashes, tmp_path: Path
) -> None:
    plan, paths = make_plan(), CellPaths(tmp_path / "cell")
    stopped_at_step(plan, "grpo", paths, 3)
    ended = attempted(plan, "grpo", paths, "evaluate")
    assert ended.outcome == "interrupted"
    assert ended.cause is not None
    assert "1 of 2 checkpoints are sealed" in ended.cause["message"]
    assert record_hashes(paths).keys() == {"0001-sorting.parquet"}
    assert attempted(plan, "grpo", paths, "train").resumed_from_step == 3
    assert attempted(plan, "grpo", paths, "evaluate").outcome == "done"


def test_one_that_is_overtaken_stops_with_its_cause_and_writes_nothing_more(
    make_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, original = CellPaths(tmp_path / "cell"), CellLoop.on_step_begin

    def on_step_begin(self: CellLoop, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        original(self, args, state, control, **kwargs)
        if state.global_step == 2:  # the third step: somebody takes the cell, as after a long freeze
            paths.lease(1).unlink()

    monkeypatch.setattr(CellLoop, "on_step_begin", on_step_begin)
    ended = attempted(make_plan(), "grpo", paths)
    assert (ended.outcome, ended.cause) == (
        "interrupted",
        {"kind": "lost lease", "message": "another attempt has taken the cell from attempt 1"},
    )
    assert [line["step"] for line in read_lines(paths.train)] == [1, 2]
    assert max(line["step"] for line in read_lines(paths.ledger)) == 2
    assert [folder.name for folder in paths.checkpoints.iterdir()] == ["0001"]


def test_hours_are_bounded_by_the_plan_and_what_was_done_is_kept(
    make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    paths = CellPaths(tmp_path / "cell")
    ended = attempted(make_plan(limits={"hours": 1e-9}), "grpo", paths)
    assert (ended.outcome, ended.cause and ended.cause["kind"]) == ("failed", "limit reached")
    assert attempted(make_plan(limits={"hours": 1}), "grpo", paths).outcome == "done"
    assert read_attempts(paths)[1].resumed_from_step == 1


def test_limits_are_no_part_of_what_a_cell_is(make_plan: Callable[..., Plan]) -> None:
    assert make_plan(limits={"attempts": 3}).cells == make_plan().cells
