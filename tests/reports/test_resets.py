"""Resets, watches and notes on the page and in Markdown, from step lines that are written by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from harness.store.atomic import append_line, read_lines
from harness.store.paths import RunPaths
from reports import write_report
from reports.blocks import Table
from reports.read import read_run
from reports.read.resets import same_without_resets
from reports.reading import at_checkpoint
from reports.resets import gain_table, recovery, reset_table
from reports.tables import note_table
from reports.watches import watch_table

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

RESETS = "with_resets(g2rl)"
G2RL: dict[str, Any] = {"g2rl": {"strength": 0.3}}
WITH_RESETS: dict[str, Any] = {"with_resets": {"strategy": G2RL, "trigger": "every"}}
BAD = "<b>every</b> 4 | steps"


def gains(root: Path) -> Table:
    run = read_run(root)
    return gain_table(run, at_checkpoint(run, 2))


Edit = Callable[[dict[str, Any]], Mapping[str, Any]]


def edited(root: Path, cell: str, edit: Edit) -> None:
    """Write the step lines of a cell anew, each with what `edit` makes of it."""
    train = RunPaths(root).cell(cell).train
    lines = read_lines(train)
    train.unlink()
    for line in lines:
        append_line(train, {**line, **edit(line)})


def with_strategies(root: Path, strategies: Mapping[str, dict[str, Any]]) -> Path:
    path = RunPaths(root).resolved
    resolved = json.loads(path.read_text())
    for arm in resolved["arms"]:
        arm["strategy"] = strategies.get(arm["name"], {arm["name"]: {}})
    path.write_text(json.dumps(resolved))
    return root


def reset_at(step: int, **more: Any) -> Edit:
    event = {"kind": "optimizer", "cause": BAD, "step": step, **more}
    return lambda line: {
        "reward": 0.1 * line["step"] if line["step"] != step + 1 else 0.0,
        "events": [event] if line["step"] == step else [],
    }


@pytest.fixture
def root(write_run: WriteRun, spec: type[RunSpec]) -> Path:
    """Return a run of two seeds and eight steps; the arm with resets is reset in each seed."""
    right = {("g2rl", 0, 2): 4, ("g2rl", 1, 2): 5, (RESETS, 0, 2): 6, (RESETS, 1, 2): 9}
    root = write_run(spec(arms=("grpo", "g2rl", RESETS), seeds=(0, 1), correct=right))
    edited(root, "03-0", reset_at(4, seconds=1.5, flops=2e9, detail={"neurons": 7}))
    edited(root, "03-1", reset_at(8, seconds=0.00123))
    return with_strategies(root, {"g2rl": G2RL, RESETS: WITH_RESETS})


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([1.0, 3.0, 2.0, 2.0], 0.0),  # w = 2 of 40 steps: level 2, and the next two average 2
        ([1.0, 3.0, 0.0, 2.0, 1.0, 3.0], 2.0),  # means 1, 1.5, 2
        ([1.0, 3.0, 0.0, 2.0, 1.0], math.inf),
        ([1.0, 3.0, 9.0], None),
    ],
)
def test_recovery_by_hand(rewards: list[float], expected: float | None) -> None:
    # The steps before are many and low: only the last two up to the reset, at step 36, make its level.
    before = [0.0] * (40 - len(rewards))
    found = recovery(pd.Series(before + rewards, index=range(1, 41)), len(before) + 2)
    assert found == expected


def test_every_reset_is_told_and_what_is_missing_is_unknown(root: Path) -> None:
    assert reset_table(read_run(root)).rows == (
        (RESETS, "0", "4", "50.0%", "optimizer", "1.5", "2.00 G", "1", f"{BAD}; neurons=7"),
        (RESETS, "1", "8", "100.0%", "optimizer", "0.0012", "unknown", "too soon to tell", BAD),
    )


def test_the_gain_is_over_the_same_arm_without_resets(root: Path) -> None:
    table = gains(root)
    assert table.header[-1] == "arm less that (points, 95% interval)"
    # 20 and 40 points: 30, and 12.7062 * 14.142 / sqrt(2) = 127.1 to either side.
    gain = "+30.0 [\N{MINUS SIGN}97.1, +157.1]"
    assert table.rows == ((RESETS, "2", "1.5", "unknown", "1 of 1", "1", "g2rl", gain),)


def test_without_such_an_arm_no_gain_is_made_up(root: Path) -> None:
    other = {"g2rl": {"g2rl": {"strength": 0.5}}, RESETS: WITH_RESETS}
    row = gains(with_strategies(root, other)).rows[0]
    assert row[-2:] == ("\N{EM DASH} (no such arm in the plan)", "\N{EM DASH}")


def test_the_same_without_resets_is_found_inside_others_and_with_the_same_learning_rate_only() -> None:
    def arm(name: str, strategy: dict[str, Any], rate: float = 1e-4) -> dict[str, Any]:
        return {"name": name, "strategy": strategy, "learning_rate": rate}

    noise = {"noise_novelty": {"of": G2RL, "unit": "advantage"}}
    both = {"noise_novelty": {"of": WITH_RESETS, "unit": "advantage"}}
    twice = {"random_resets": {"strategy": WITH_RESETS, "mean_steps": 9.0}}
    arms = [arm("g", G2RL), arm("n", noise), arm("r", WITH_RESETS), arm("nr", both), arm("rr", twice)]
    assert same_without_resets(arms) == {"r": "g", "nr": "n", "rr": "g"}
    assert same_without_resets([arm("g", G2RL), arm("r", WITH_RESETS, 1e-3)]) == {}


def test_a_reset_that_a_resume_took_back_is_not_told(root: Path) -> None:
    paths = RunPaths(root).cell("03-0")
    again = next(line for line in read_lines(paths.train) if line["step"] == 4)
    append_line(paths.train, {**again, "attempt": 2, "events": []})
    assert [row[1] for row in reset_table(read_run(root)).rows] == ["1"]


def watched(root: Path) -> Path:
    def diversity(line: dict[str, Any]) -> dict[str, Any]:
        alarm = line["step"] in (3, 4)
        said = {"alarm": alarm, "numbers": {"mean_cosine": 0.1 * line["step"], "floor": 0.2}}
        return {"watch": {"diversity": {**said, "because": f"cosine {line['step']}" if alarm else ""}}}

    edited(root, "02-0", diversity)
    edited(root, "02-1", lambda line: {"watch": {"diversity": {"alarm": False, "numbers": {"mean_cosine": math.inf}}}})
    return root


def test_a_watch_is_told_by_seed(root: Path) -> None:
    assert watch_table(read_run(watched(root))).rows == (
        ("g2rl", "diversity", "seed 0: 3; seed 1: never", "12.5%", "cosine 4 (seed 0, step 4)"),  # 2 of 16 steps
    )


def test_notes_are_no_resets(root: Path) -> None:
    note = {"kind": "note", "cause": "weight 0.5", "step": 2}
    edited(root, "02-1", lambda line: {"events": [note] if line["step"] == 2 else []})
    run = read_run(root)
    assert note_table(run).rows == (("g2rl", "1", "2", "weight 0.5"),)
    assert {row[0] for row in reset_table(run).rows} == {RESETS}


def test_page_and_markdown_tell_the_same(root: Path, tmp_path: Path) -> None:
    note = {"kind": "note", "cause": "weight 0.5", "step": 2}
    edited(watched(root), "01-1", lambda line: {"events": [note] if line["step"] == 2 else []})
    folder = write_report(root, tmp_path / "site").root
    page, table = ((folder / name).read_text() for name in ("index.html", "leaderboard.md"))
    run = read_run(root)
    assert "<b>" not in page + table
    for rows in (reset_table(run).rows, gains(root).rows, watch_table(run).rows, note_table(run).rows):
        for text in {text for row in rows for text in row}:
            assert text in unescape(page)
            assert text in unescape(table)
    assert page.count('data-name="watches"') == page.count('data-name="resets"') == 1
    assert "mean cosine" in page
    assert {"### What resets gained", "### Resets", "### Watches"} <= set(table.splitlines())


def test_where_nothing_happened_nothing_is_shown(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    folder = write_report(write_run(spec()), tmp_path / "site").root
    for name, marks in {
        "index.html": ('data-name="resets"', 'data-name="watches"', 'data-name="notes"'),
        "leaderboard.md": ("### Resets", "### Watches", "### Notes"),
    }.items():
        assert not any(mark in (folder / name).read_text() for mark in marks)
