"""Watching a run: what is new is read, and nothing that it says acts on the terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks.synthetic import Arm, Store, write_store
from harness.cli import main
from harness.runner.following import Following
from harness.runner.watching import BARS, drawn, picked, plain, sparkline
from harness.store.atomic import append_line
from harness.store.attempts import Attempt, begin, end, update
from harness.store.paths import RunPaths

DEADLINE_S = 120.0
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
    console.print(drawn(following, cells * 50, 120, 12))
    text = console.export_text()
    assert len(text.splitlines()) <= 11
    assert "and 293 more cells" in text
    console.print(drawn(following, picked(cells, NASTY), 120, 40))
    assert "[red]x[/] ␛[2J⟨U+202E⟩" in console.export_text()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("height", [8, 15, 40])
def test_no_line_is_wrapped_and_none_falls_off_the_end(width: int, height: int, run: RunPaths) -> None:
    for cell in ("001-0", "002-1"):
        append_line(run.cell(cell).train, step_line(20, events=[{"kind": "reset", "cause": "x" * 300}]))
    following = Following.of(run)
    cells = picked(following.look(), None)
    console = Console(width=width, height=height, record=True, force_terminal=False)
    console.print(drawn(following, cells, width, height))
    lines = console.export_text().splitlines()
    assert len(lines) < height
    assert lines[0].startswith("synthetic: 6 cel")
    whole = [line for line in lines if "base · seed 0" in line]
    assert width < 60 or "100%" in whole[0]
    assert width < 80 or height < 15 or any(set(line) & set(BARS) for line in lines), "there is room for a curve"


def test_watch_as_it_is_typed(run: RunPaths, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["watch", str(run.root), "--arm", "grpo"])
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == "synthetic: 2 cells, 2 done"
    assert "grpo · seed 1" in done.output
    wrong = CliRunner().invoke(main, ["watch", str(run.root), "--arm", "grop"])
    assert (wrong.exit_code, "Did you mean 'grpo'?" in wrong.output) == (2, True)
    nothing = CliRunner().invoke(main, ["watch", str(tmp_path)])
    assert (nothing.exit_code, "is not a run" in nothing.output) == (2, True)


class Terminal:
    """A command on a terminal of its own, whose screen is read as it is written."""

    def __init__(self, *words: str) -> None:
        self.read, written = pty.openpty()
        self.resize(100, 20)
        command = [str(Path(sys.executable).with_name("explorebench")), *words]
        self.process = subprocess.Popen(
            ["env", "--default-signal=INT", *command], stdin=written, stdout=written, stderr=written,
            start_new_session=True, env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip
        os.close(written)
        self.said = ""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.read, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, words: str) -> str:
        """Read on until the command has said some words since the last call, and return what it said."""
        seen = ""
        while words not in seen:
            ready, _, _ = select.select([self.read], [], [], DEADLINE_S)
            assert ready, f"{words!r} never came; the terminal shows {seen[-2000:]!r}"
            seen += self._more()
        return seen

    def ended(self) -> str:
        """Read on until the command has ended, and return what it said last."""
        seen = ""
        while more := self._more():
            seen += more
        assert self.process.wait(DEADLINE_S) == 0
        os.close(self.read)
        return seen

    def _more(self) -> str:
        try:
            return os.read(self.read, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            return ""


def start_again(run: RunPaths, cell: str) -> Attempt:
    """Have a cell run, in this very process."""
    paths = run.cell(cell)
    paths.attempt(1).unlink()
    return update(paths, begin(paths), phase="training")


def test_a_live_view_moves_with_the_run_and_ends_with_it(run: RunPaths) -> None:
    attempt = start_again(run, "001-0")
    terminal = Terminal("watch", str(run.root), "--every", "0.1")
    terminal.until("1 running")
    append_line(run.cell("001-0").train, step_line(50, reward=7.125))
    terminal.until("7.125")
    append_line(run.cell("001-0").train, step_line(51, events=[{"kind": "reset", "cause": "stuck \x1b[2J"}]))
    terminal.until("reset: stuck ␛[2J")
    terminal.resize(60, 15)
    end(run.cell("001-0"), attempt, "done")
    last = terminal.ended()
    assert "6 done" in last
    assert last.index("\x1b[?1049l") < last.rindex("6 done"), "the last view stays when the screen is given back"


def test_a_live_view_can_be_left(run: RunPaths) -> None:
    start_again(run, "001-0")
    terminal = Terminal("watch", str(run.root), "--every", "0.1")
    terminal.until("1 running")
    terminal.process.send_signal(signal.SIGINT)
    assert "no longer watching; the run goes on" in terminal.ended()
