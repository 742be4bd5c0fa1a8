"""Ranked exploration paths: the order, what is kept of it, and that training never notices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.plan.resolve import Plan
from harness.store import attempts
from harness.store.atomic import read_lines
from harness.store.attempts import Attempt
from harness.store.paths import CellPaths
from harness.store.ranked import read_paths
from harness.training.loop import CellLoop
from harness.training.ranking import TEXT_CHARACTERS, PathLog, ranked_paths
from strategies import Rollouts, Shaped

Runner = Callable[[Plan, str, CellPaths], Attempt]

G2RL = {"name": "g2rl", "g2rl": {"form": "centred"}}


class Stop(BaseException):
    """Ends a process as a power cut does: no handler of ours catches it."""


def batch(groups: int, **changes: Any) -> Rollouts:
    """Return groups of three answers of two tokens, the last of them one token long."""
    count = 3 * groups
    mask = torch.ones(count, 2, dtype=torch.bool)
    mask[2::3, 1] = False
    given: dict[str, Any] = {
        "rewards": torch.tensor([1.0, 0.0, 0.0]).repeat(groups),
        "advantages": torch.tensor([1.0, -0.5, -0.5]).repeat(groups),
        "completion_ids": torch.zeros(count, 2, dtype=torch.long),
        "mask": mask,
        "prompts": [f"prompt {row // 3}" for row in range(count)],
        "completions": [f"answer {row}" for row in range(count)],
        **changes,
    }
    return Rollouts(group_size=3, **given)


def rows(made: dict[str, Any], place: int = 0) -> list[int]:
    return [one["row"] for one in made["groups"][place]["candidates"]]


def test_the_order_is_by_bonus_then_advantage_then_row() -> None:
    shaped = Shaped(
        advantages=torch.tensor([1.0, -0.25, -0.75]),
        columns={"signal": torch.tensor([0.1, 0.9, float("nan")]), "filtered": torch.tensor([0.0, 0.0, 1.0])},
    )
    made = ranked_paths(batch(1), shaped.advantages, shaped)
    assert made["groups_in_batch"] == 1
    best, second, last = made["groups"][0]["candidates"]
    assert best == {
        "rank": 1, "row": 1, "signal": 0.9, "filtered": 0.0, "bonus": 0.25, "advantage": -0.25, "reward": 0.0,
        "prefix_tokens": 0, "text": "answer 1", "cut": 0,
    } | {"signal": pytest.approx(0.9)}  # fmt: skip
    assert (second["row"], second["bonus"]) == (0, 0.0)
    assert (last["row"], last["bonus"], last["filtered"], last["signal"]) == (2, -0.25, 1.0, None)


def test_without_a_bonus_the_advantage_decides_and_then_the_row() -> None:
    plain = batch(1, advantages=torch.tensor([-0.5, -0.5, 1.0]))
    assert rows(ranked_paths(plain, plain.advantages, None)) == [2, 0, 1]


def test_advantages_of_tokens_count_by_their_mean_over_the_answer() -> None:
    tokens = torch.tensor([[1.0, 1.0], [0.5, -0.5], [-0.25, 99.0]])  # the last answer has one token
    made = ranked_paths(batch(1), tokens, Shaped(advantages=tokens))
    assert [(one["row"], one["advantage"]) for one in made["groups"][0]["candidates"]] == [
        (1, 0.0), (2, -0.25), (0, 1.0),
    ]  # fmt: skip


def test_the_groups_that_were_moved_most_are_kept() -> None:
    rollouts = batch(4)
    used = rollouts.advantages.clone()
    used[3] += 0.1
    used[9] -= 0.3
    made = ranked_paths(rollouts, used, Shaped(advantages=used))
    assert made["groups_in_batch"] == 4
    assert [group["prompt"] for group in made["groups"]] == ["prompt 1", "prompt 3"]


def test_long_texts_are_cut_and_it_is_said() -> None:
    rollouts = batch(1, prompts=["p" * 450] * 3, completions=["a" * 401, "", "b"])
    group = ranked_paths(rollouts, rollouts.advantages, None)["groups"][0]
    assert (len(group["prompt"]), group["cut"]) == (TEXT_CHARACTERS, 50)
    assert [(len(one["text"]), one["cut"]) for one in group["candidates"]] == [(TEXT_CHARACTERS, 1), (0, 0), (1, 0)]


def test_a_line_for_the_first_step_and_for_each_twentieth_of_the_budget(tmp_path: Path) -> None:
    paths, spent, step = CellPaths(tmp_path), [0.0], [1]
    log = PathLog(paths=paths, attempt=1, share=lambda: spent[0], step=lambda: step[0])
    rollouts = batch(1)
    before = torch.random.get_rng_state()
    for at, share in enumerate((0.0, 0.02, 0.049, 0.05, 0.06, 0.17, 0.19, 0.2), start=1):
        step[0], spent[0] = at, share
        log(rollouts, rollouts.advantages, None)
    assert list(read_paths(paths)) == [1, 4, 6, 8]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_run_that_is_resumed_has_the_lines_of_one_that_was_not(
    make_plan: Callable[..., Plan],
    run_arm: Runner,
    record_hashes: Callable[[CellPaths], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = make_plan(arms=["grpo", G2RL], budget={"steps": 4})
    whole, broken = CellPaths(tmp_path / "whole"), CellPaths(tmp_path / "broken")
    run_arm(plan, "g2rl", whole)
    original = CellLoop.on_log

    def on_log(self: CellLoop, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        original(self, args, state, control, **kwargs)
        if state.global_step == 3:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(CellLoop, "on_log", on_log)
        with pytest.raises(Stop):
            run_arm(plan, "g2rl", broken)
    attempts.end(broken, attempts.read_attempts(broken)[-1], "interrupted")  # this process still lives
    run_arm(plan, "g2rl", broken)
    ours, theirs = ([{**line, "attempt": 0} for line in read_paths(paths).values()] for paths in (broken, whole))
    assert ours == theirs
    assert [line["step"] for line in ours] == [1, 2, 3, 4]
    assert all("signal" in one for line in ours for group in line["groups"] for one in group["candidates"])
    assert [line["step"] for line in read_lines(broken.paths)] == [1, 2, 3, 3, 4], "the lost line is still in the file"
    assert record_hashes(broken) == record_hashes(whole)


def test_training_is_the_same_with_and_without_the_log(
    make_plan: Callable[..., Plan],
    run_arm: Runner,
    record_hashes: Callable[[CellPaths], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = make_plan(arms=["grpo", G2RL], budget={"steps": 2})
    logged, silent = CellPaths(tmp_path / "logged"), CellPaths(tmp_path / "silent")
    run_arm(plan, "g2rl", logged)
    monkeypatch.setattr(PathLog, "__call__", lambda *given: None)
    run_arm(plan, "g2rl", silent)
    assert logged.paths.exists()
    assert not silent.paths.exists()
    assert record_hashes(logged) == record_hashes(silent)
    first, second = ([line["loss"] for line in read_lines(paths.train)] for paths in (logged, silent))
    assert first == second
