"""A cell that is cut short and goes on: the same bytes as one that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.ledger.ledger import OUTSIDE
from harness.plan.resolve import Plan
from harness.store import attempts
from harness.store.atomic import read_lines
from harness.store.attempts import Attempt, is_lost, read_attempts, read_resumes
from harness.store.paths import CellPaths
from harness.training.loop import CellLoop

Runner = Callable[[Plan, str, CellPaths], Attempt]
Hashes = Callable[[CellPaths], dict[str, str]]

G2RL = {"name": "g2rl", "g2rl": {"form": "centred"}}
RESETS = {
    "name": "resets",
    "with_resets": {"strategy": "g2rl", "trigger": "every", "every_steps": 1, "action": "reference"},
}


def resets(action: str) -> dict[str, Any]:
    """Return an arm that is reset after step 2 and, when it has cooled down from that, after step 6."""
    settings: dict[str, Any] = {
        "strategy": "grpo",
        "trigger": "every",
        "every_steps": 2,
        "action": action,
        "lasting_batches": 1,
    }
    settings |= {"cool_down_steps": 3}  # so that a run that is cut after step 4 goes on in the middle of a cool-down
    return {"name": action, "with_resets": {**settings, "tau": 0.5}}


class Stop(BaseException):
    """Ends a process as a power cut does: no handler of ours catches it."""


def stop_at_step(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Cut the power right after a step's line is written."""
    original = CellLoop.on_log

    def on_log(self: CellLoop, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        original(self, args, state, control, **kwargs)
        if state.global_step == step:
            raise Stop

    monkeypatch.setattr(CellLoop, "on_log", on_log)


def weights_at(paths: CellPaths, checkpoint: int) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = load_file(paths.checkpoint(checkpoint) / "model.safetensors")
    return weights


def watched(paths: CellPaths) -> dict[int, Any]:
    """Return what the watches said at each step, as it stands."""
    return {line["step"]: line["watch"] for line in read_lines(paths.train)}


def require_reconciled(paths: CellPaths) -> None:
    """Hold the ledger to the log: what phases took in the steps that count is what each step says was spent by then."""
    resumes = read_resumes(paths)
    kept = [use for use in read_lines(paths.ledger) if not is_lost(use["attempt"], use["step"], resumes)]
    spent = {
        line["step"]: line for line in read_lines(paths.train) if not is_lost(line["attempt"], line["step"], resumes)
    }
    for step, line in spent.items():
        uses = [use for use in kept if use["step"] <= step and use["phase"] not in OUTSIDE]
        # What a strategy asks for after a step is booked with that step, but before its line is written.
        assert sum(use["generated_tokens"] for use in uses) == line["generated_tokens"]
        assert sum(use["forward_flops"] + use["backward_flops"] for use in uses) == pytest.approx(line["flops"])
        assert sum(use["device_seconds"] for use in uses) == pytest.approx(line["device_seconds"])


def lost_steps(paths: CellPaths) -> set[int]:
    """Return the steps whose work was thrown away."""
    resumes = read_resumes(paths)
    return {use["step"] for use in read_lines(paths.ledger) if is_lost(use["attempt"], use["step"], resumes)}


@pytest.mark.parametrize(
    ("arm", "training"),
    [
        ("grpo", {}),
        (G2RL, {"micro_batch": 4}),
        (RESETS, {"kl": 0.05, "learning_rate": 1e-3}),
        (resets("shrink"), {"learning_rate": 1e-3}),
        (resets("dormant"), {"learning_rate": 1e-3}),
        (resets("novelty"), {}),
        ("grpo", {"learning_rate": 1e-2, "lora": {"rank": 2}}),
        (resets("lora"), {"learning_rate": 1e-2, "lora": {"rank": 2}}),
        ("grpo", {"pool": 6, "warmup_steps": 5}),
        ("grpo", {"pool": 8}),
        ("grpo", {"minibatches": 2}),
        ("dynamic_sampling", {"pool": 12}),
    ],
    ids=[
        "grpo",
        "g2rl with accumulation",
        "reference resets",
        "weights moved back",
        "neurons started anew",
        "answers that go on from others",
        "adapters",
        "adapters that were merged",
        "in a second epoch",
        "between two epochs",
        "with several updates on one generation",
        "with prompts taken out of turn",
    ],
)
def test_a_cell_cut_short_ends_with_the_same_bytes(
    make_plan: Callable[..., Plan],
    run_arm: Runner,
    record_hashes: Hashes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arm: Any,
    training: dict[str, Any],
) -> None:
    name = arm if isinstance(arm, str) else arm["name"]
    plan = make_plan(arms=[arm], baseline=name, training=training, budget={"steps": 6}, checkpoints=3)
    whole, cut = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "cut")
    assert run_arm(plan, name, whole).outcome == "done"
    with monkeypatch.context() as patch:
        stop_at_step(patch, 5)
        with pytest.raises(Stop):
            run_arm(plan, name, cut)
    attempts.end(cut, read_attempts(cut)[-1], "interrupted")  # this process still lives
    assert run_arm(plan, name, cut).outcome == "done"

    assert [attempt.resumed_from_step for attempt in read_attempts(cut)] == [0, 4]
    assert record_hashes(cut) == record_hashes(whole)
    assert len(record_hashes(whole)) == 3
    for checkpoint in (1, 2, 3):
        a, b = weights_at(whole, checkpoint), weights_at(cut, checkpoint)
        assert all(torch.equal(a[key], b[key]) for key in a)
    reached = [(line["attempt"], line["step"]) for line in read_lines(cut.train)]
    assert reached == [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 5), (2, 6)], "lost work stays in the log"
    rewards = {line["step"]: line["reward"] for line in read_lines(cut.train)}
    assert rewards == {line["step"]: line["reward"] for line in read_lines(whole.train)}
    assert watched(cut) == watched(whole)
    require_reconciled(cut)
    require_reconciled(whole)
    assert lost_steps(cut) == {5}
    assert lost_steps(whole) == set()
