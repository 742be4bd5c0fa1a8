"""`explorebench paths`: what a strategy preferred, read from files that are written by hand and by a real run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.store.atomic import append_line, write_json
from harness.store.paths import RunPaths
from harness.store.version import written_here

LINE: dict[str, Any] = {
    "share": 0.25,
    "groups_in_batch": 9,
    "groups": [
        {
            "prompt": "3 4=7:",
            "cut": 0,
            "candidates": [
                {
                    "rank": 1, "row": 1, "signal": 0.4321, "filtered": 0.0, "part": 1.0, "bonus": 0.25,
                    "advantage": -0.25, "reward": 0.0, "prefix_tokens": 0, "text": "a\nb\x1b[2J[red]c[/red]", "cut": 7,
                },
                {
                    "rank": 2, "row": 0, "signal": None, "filtered": 1.0, "part": 0.0, "bonus": 0.0,
                    "advantage": 1.0, "reward": 1.0, "prefix_tokens": 5, "text": "3+4=7", "cut": 0,
                },
            ],
        },
        {"prompt": "second", "cut": 12, "candidates": []},
    ],
}  # fmt: skip


class Place(Protocol):
    """The workplace of tests/conftest.py."""

    def explorebench(self, *words: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    """Return a run with the steps 1, 4 and 9 of the arm mine, and none of the baseline and of a control."""
    run = RunPaths(tmp_path / "toy")
    arms: list[dict[str, Any]] = [{"name": name} for name in ("base", "grpo", "noise", "mine")]
    arms[2]["control_of"] = ["mine"]
    cells = [{"id": f"{arm['name']}-{seed}", "arm": arm["name"], "seed": seed} for arm in arms for seed in (0, 3)]
    write_json(run.resolved, {**written_here(), "baseline": "grpo", "arms": arms, "suites": [], "cells": cells})
    for step in (1, 4, 9):
        append_line(run.cell("mine-0").paths, {"attempt": 1, "step": step, **LINE})
    append_line(run.cell("mine-3").paths, {"attempt": 1, "step": 2, **LINE})
    return run


def typed(run: RunPaths, *words: str) -> Result:
    return CliRunner().invoke(main, ["paths", str(run.root), *words])


def printed(run: RunPaths, *words: str) -> str:
    result = typed(run, "--groups", "1", "--width", "160", *words)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_last_step_is_shown_unless_another_is_asked_for(run: RunPaths) -> None:
    shown = printed(run)
    assert shown.startswith("mine, seed 0, step 9 (25% of the budget spent before)\n")
    assert "steps that were looked at: 1, 4, 9\n" in shown
    assert "1 of 9 prompts" in shown
    assert "prompt: 3 4=7:" in shown


def test_the_nearest_step_at_or_before_is_taken_and_named(run: RunPaths) -> None:
    assert "step 4 (25% of the budget spent before): the last one looked at before step 8" in printed(
        run, "--step", "8"
    )
    assert "step 4 (25% of the budget spent before)\n" in printed(run, "--step", "4")


def test_a_row_says_what_decided(run: RunPaths) -> None:
    rows = [line.split() for line in printed(run).splitlines() if line.lstrip().startswith(("#", "1 ", "2 "))]
    assert rows[0] == ["#", "bonus", "advantage", "reward", "signal", "filtered", "part", "answer"]
    assert rows[1][:7] == ["1", "+0.250", "-0.250", "0", "0.4321", "no", "hedge"]
    assert rows[2][:7] == ["2", "+0.000", "+1.000", "1", "unknown", "yes", "primary"]


def test_what_a_model_wrote_can_not_speak_to_the_terminal(run: RunPaths) -> None:
    shown = printed(run)
    assert "a ⏎ b\N{REPLACEMENT CHARACTER}[2J[red]c[/red] … and 7 characters more" in shown
    assert "(5 tokens of another answer) … 3+4=7" in shown
    assert "\x1b" not in shown


def test_a_script_gets_json(run: RunPaths) -> None:
    result = typed(run, "--seed", "3", "--json", "--groups", "1")
    assert json.loads(result.output) == {
        "arm": "mine", "seed": 3, "steps": [2], "attempt": 1, "step": 2, **LINE, "groups": LINE["groups"][:1],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arm", "mime"], "no arm named 'mime'. Did you mean 'mine'? Known: grpo, noise, mine"),
        (["--arm", "base"], "the arm 'base' is not trained, so it has no paths; choose one of: grpo, noise, mine"),
        (["--arm", "grpo"], "{run}: no ranked paths of the arm 'grpo' yet: a cell writes them from its first step on;"),
        (["--seed", "1"], "no cell has the seed 1; there are: 0, 3"),
        (["--seed", "3", "--step", "1"], "no step at or before 1 was looked at; there are: 2"),
    ],
)
def test_what_is_not_there(words: list[str], message: str, run: RunPaths) -> None:
    result = typed(run, *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {message.format(run=run.root)}")
    assert len(result.stderr.splitlines()) == 1


def test_a_real_run_has_them(finished: Place) -> None:
    done = finished.explorebench("paths", "runs/demo", "--step", "5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("g2rl, seed 0, step 5 (67% of the budget spent before)\n")
    assert done.stdout.count("prompt: ") == 2
    assert " signal " in done.stdout, "the novelty of each answer"
    found = json.loads(finished.explorebench("paths", "runs/demo", "--arm", "grpo", "--json").stdout)
    assert found["steps"] == [1, 2, 3, 4, 5, 6]
    bonuses = [one["bonus"] for group in found["groups"] for one in group["candidates"]]
    assert bonuses == [0.0] * 8, "plain grpo adds nothing to itself"
