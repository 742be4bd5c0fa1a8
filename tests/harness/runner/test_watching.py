"""Watching a run: what is new is read, and nothing that it says acts on the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks.synthetic import Arm, Store, write_store
from harness.cli import main
from harness.runner.following import Following
from harness.runner.watching import drawn, picked, plain, sparkline
from harness.store.atomic import append_line
from harness.store.paths import RunPaths

NASTY = "[red]x[/] \x1b[2J\u202e"


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    store = Store(arms=(Arm(name="grpo"), Arm(name=NASTY)), seeds=2, items=10, samples=2, checkpoints=4)
    write_store(tmp_path / "run", store, np.random.default_rng(0))
    return RunPaths(tmp_path / "run")


def step_line(step: int, **changes: Any) -> dict[str, Any]:
    return {"attempt": 1, "step": step, "share": step / 10, "reward": step / 10, "events": [], **changes}


def test_a_curve_in_one_line() -> None:
    assert sparkline([]) == ""
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([0, 0, 1, 1, 3, 3], 3) == "▁▃█"
    assert len(sparkline(list(range(1000)))) == 20


def test_only_what_is_new_is_read_and_a_torn_line_waits(run: RunPaths) -> None:
    following = Following.of(run)
    following.look()
    cell = following.cells["001-0"]
    paths = run.cell("001-0")
    before = dict(cell.rewards)
    following.cells["001-0"].status = cell.status.__class__(
        **{name: getattr(cell.status, name) for name in cell.status.__slots__} | {"state": "running"}
    )
    append_line(paths.train, step_line(50))
    with paths.train.open("ab") as stream:
        stream.write(json.dumps(step_line(51)).encode()[:20])
    following.look()
    assert cell.rewards == before | {50: 5.0}
    with paths.train.open("ab") as stream:
        stream.write(json.dumps(step_line(51)).encode()[20:] + b"\n")
    cell.read_on(paths)
    assert cell.rewards == before | {50: 5.0, 51: 5.1}


def test_scores_and_happenings_are_told_once(run: RunPaths) -> None:
    alarm = {"plateau": {"alarm": True, "because": "no gain"}}
    for step in (20, 21):
        append_line(run.cell("001-0").train, step_line(step, watch=alarm))
    append_line(run.cell("001-0").train, step_line(22, events=[{"kind": "reset", "cause": "\x1b[31mred"}]))
    following = Following.of(run)
    following.look()
    cell = following.cells["001-0"]
    assert sorted(cell.scores) == [1, 2, 3, 4]
    assert [one.words for one in cell.happenings] == ["plateau alarms: no gain", "reset: \x1b[31mred"]
    text = "\n".join(plain(following, picked(following.look(), None)))
    assert "grpo · seed 0, step 22: reset: ␛[31mred" in text
    assert "6 cells, 6 done" in text
    assert not set(text) & set("\x1b\u202e")


def test_many_cells_fit_the_terminal_and_names_are_shown_as_they_are(run: RunPaths) -> None:
    following = Following.of(run)
    cells = picked(following.look(), None)
    console = Console(width=120, height=12, record=True, force_terminal=False)
    console.print(drawn(following, cells * 50, 12))
    text = console.export_text()
    assert len(text.splitlines()) <= 14
    assert "and 293 more cells" in text
    console.print(drawn(following, picked(cells, NASTY), 40))
    assert "[red]x[/] ␛[2J⟨U+202E⟩" in console.export_text()


def test_watch_as_it_is_typed(run: RunPaths, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["watch", str(run.root), "--arm", "grpo"])
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == "synthetic: 2 cells, 2 done"
    assert "grpo · seed 1" in done.output
    wrong = CliRunner().invoke(main, ["watch", str(run.root), "--arm", "grop"])
    assert (wrong.exit_code, "Did you mean 'grpo'?" in wrong.output) == (2, True)
    nothing = CliRunner().invoke(main, ["watch", str(tmp_path)])
    assert (nothing.exit_code, "is not a run" in nothing.output) == (2, True)
