"""Cosines in bins: numbers worked by hand, and when they are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from harness.store.attempts import Attempt
from harness.store.cosines import BINS, read_cosines
from harness.store.paths import CellPaths
from harness.training.histogram import binned
from harness.training.ranking import PathLog
from strategies import Rollouts, Shaped

Runner = Callable[[Plan, str, CellPaths], Attempt]
PAIRS = "update directions, pairs of a group"


def counts(**places: int) -> list[int]:
    """Return bins that are empty but for those that are given, by their place after a letter."""
    return [places.get(f"at{place}", 0) for place in range(BINS)]


@pytest.mark.parametrize(
    ("cosines", "expected"),
    [
        ([-1.0, -0.95, -0.85], counts(at0=2, at1=1)),
        ([-0.05, 0.0, 0.05, 0.15], counts(at9=1, at10=2, at11=1)),  # 0 is an edge, and in the bin above it
        ([0.95, 1.0], counts(at19=2)),
        ([1.0000002, -1.0000002], counts(at0=1, at19=1)),  # what rounding does to cosines of 1
        ([float("nan"), 0.5], counts(at15=1)),
        ([], counts()),
    ],
)
def test_bins_by_hand(cosines: list[float], expected: list[int]) -> None:
    assert binned(torch.tensor(cosines)) == expected


def test_any_shape_is_counted_whole() -> None:
    assert binned(torch.zeros(2, 3, 4)) == counts(at10=24)


def batch() -> Rollouts:
    return Rollouts(
        rewards=torch.tensor([1.0, 0.0]), advantages=torch.tensor([1.0, -1.0]), group_size=2,
        completion_ids=torch.zeros(2, 1, dtype=torch.long), mask=torch.ones(2, 1, dtype=torch.bool),
        prompts=["p"] * 2, completions=["a", "b"],
    )  # fmt: skip


def test_they_are_written_when_a_step_is_looked_at_and_the_strategy_has_the_word(tmp_path: Path) -> None:
    paths, spent, step = CellPaths(tmp_path), [0.0], [1]
    watched = {"both": torch.tensor([-1.0]), "watch": torch.tensor([0.5])}
    log = PathLog(paths=paths, attempt=1, share=lambda: spent[0], step=lambda: step[0], watched=lambda: watched)
    rollouts = batch()
    shaped = Shaped(advantages=rollouts.advantages, cosines={"both": torch.tensor([1.0])})
    for at, (share, said) in enumerate([(0.0, shaped), (0.04, shaped), (0.05, None)], start=1):
        step[0], spent[0] = at, share
        log(rollouts, rollouts.advantages, said)
    lines = read_cosines(paths)
    assert [(line["step"], line["share"], line["attempt"]) for line in lines.values()] == [(1, 0.0, 1), (3, 0.05, 1)]
    assert lines[1]["cosines"] == {"both": counts(at19=1), "watch": counts(at15=1)}
    assert lines[3]["cosines"] == {"both": counts(at0=1), "watch": counts(at15=1)}


def test_nothing_is_written_where_nobody_has_cosines(tmp_path: Path) -> None:
    paths, rollouts = CellPaths(tmp_path), batch()
    PathLog(paths=paths, attempt=1, share=lambda: 0.0, step=lambda: 1)(rollouts, rollouts.advantages, None)
    assert paths.paths.exists()
    assert not paths.cosines.exists()
    assert read_cosines(paths) == {}


def test_a_trained_cell_has_every_pair_of_every_group_and_the_watch_the_same(
    make_plan: Callable[..., Plan], run_arm: Runner, tmp_path: Path
) -> None:
    plan = make_plan(arms=["grpo", {"name": "g2rl", "g2rl": {}}], budget={"steps": 2}, watch=["diversity"])
    for arm in ("grpo", "g2rl"):
        run_arm(plan, arm, CellPaths(tmp_path / arm))
    both = {arm: read_cosines(CellPaths(tmp_path / arm)) for arm in ("grpo", "g2rl")}
    for lines in both.values():
        assert list(lines) == [1, 2]
        assert all(sum(line["cosines"][PAIRS]) == 2 * 6 for line in lines.values())  # two groups of four
    # Before the first update both arms have the same rollouts: what the watch saw is what the strategy saw.
    assert both["grpo"][1]["cosines"] == both["g2rl"][1]["cosines"]


def test_training_is_the_same_whatever_is_said_of_cosines(
    make_plan: Callable[..., Plan],
    run_arm: Runner,
    record_hashes: Callable[[CellPaths], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filtered: dict[str, Any] = {"name": "filtered", "filtered": {"strategy": "g2rl"}}
    plan = make_plan(arms=["grpo", filtered], budget={"steps": 2}, watch=["diversity"])
    told, silent = CellPaths(tmp_path / "told"), CellPaths(tmp_path / "silent")
    run_arm(plan, "filtered", told)
    nothing: dict[str, Tensor] = {}
    monkeypatch.setattr(Shaped, "cosines", property(lambda self: nothing, lambda self, value: None))
    monkeypatch.setattr("strategies.watches.diversity.Diversity.cosines", lambda self, rollouts: nothing)
    run_arm(plan, "filtered", silent)
    assert told.cosines.exists()
    assert not silent.cosines.exists()
    assert record_hashes(told) == record_hashes(silent)
    losses = [[(line["loss"], line["strategy"]) for line in read_lines(paths.train)] for paths in (told, silent)]
    assert losses[0] == losses[1]
