"""A run whose files are missing, damaged or not what they should be: one clear line or a report, never a traceback."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmarks.synthetic import Arm, Store, write_store
from harness.cli import main
from harness.store.paths import RunPaths

READERS: dict[str, Callable[[Path, Path], list[str]]] = {
    "report": lambda run, out: ["report", str(run), "--partial", "--site", str(out)],
    "publish": lambda run, out: ["publish", str(run), "--partial", "--to", str(out), "--check"],
    "status": lambda run, out: ["status", str(run)],
    "watch": lambda run, out: ["watch", str(run), "--once"],
    "compare": lambda run, out: ["compare", f"{run}:arm-1", f"{run}:arm-0"],
    "gate": lambda run, out: ["gate", str(run)],
    "paths": lambda run, out: ["paths", str(run)],
    "export": lambda run, out: ["export", str(run), "--out", str(out / "all.csv")],
}
CELL = "001-0"
"""The baseline's first seed."""
FILES = {
    "plan.resolved.json": lambda run: run.resolved,
    "plan.yaml": lambda run: run.plan,
    "cell.json": lambda run: run.cell(CELL).identity,
    "attempt": lambda run: run.cell(CELL).attempt(1),
    "train.jsonl": lambda run: run.cell(CELL).train,
    "ledger.jsonl": lambda run: run.cell(CELL).ledger,
    "paths.jsonl": lambda run: run.cell(CELL).paths,
    "record": lambda run: run.cell(CELL).record(2, "suite-0"),
    "record of base": lambda run: run.cell("000-0").record(0, "suite-0"),
}
HARMS: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut in the middle": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(500)),
    "noise in the middle": lambda path: path.write_bytes(
        path.read_bytes()[: path.stat().st_size // 3]
        + np.random.default_rng(0).bytes(100)
        + path.read_bytes()[path.stat().st_size // 3 + 100 :]
    ),
    "other JSON": lambda path: path.write_text('[1, {"attempt": "x"}]\n{"attempt": [], "step": {}}\n{}\n7\n'),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}
RANKED = {
    "attempt": 1, "step": 1, "share": 0.0, "groups_in_batch": 1,
    "groups": [{"prompt": "1+1=", "cut": 0, "candidates": [
        {"rank": 1, "row": 0, "bonus": 0.1, "advantage": 0.2, "reward": 1.0, "prefix_tokens": 0, "text": "2", "cut": 0}
    ]}, {"prompt": "2+2=", "cut": 0, "candidates": []}],
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which nothing is wrong."""
    root = tmp_path_factory.mktemp("whole") / "run"
    store = Store(arms=(Arm(name="arm-0"), Arm(name="arm-1")), seeds=2, items=12, samples=2, checkpoints=2, steps=3)
    write_store(root, store, np.random.default_rng(0))
    for cell in ("001-0", "002-0"):
        RunPaths(root).cell(cell).paths.write_text(json.dumps(RANKED) + "\n")
    return root


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> RunPaths:
    """The run's own copy of a test."""
    return RunPaths(Path(shutil.copytree(whole, tmp_path / "run")))


def typed(reader: str, run: RunPaths) -> Result:
    out = run.root.with_name("out")
    out.mkdir(exist_ok=True)
    words = READERS[reader](run.root, out / reader if reader == "publish" else out)
    return CliRunner().invoke(main, words, prog_name="explorebench")


def fine_or_explained(result: Result, where: str) -> None:
    """Check that a command did its work, or refused in one line that names the file or the run."""
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    if result.exit_code in (0, 1):
        return
    if result.exit_code == 2 and not result.stderr:  # the gate can't tell
        return
    lines = result.stderr.splitlines()
    assert result.exit_code in (2, 3)
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: "), lines
    assert where in lines[0], lines
    assert re.search(r"; \w+|; expected|Expected", lines[0]), f"says what to do: {lines[0]}"


@pytest.mark.parametrize("reader", READERS)
def test_nothing_is_wrong_with_the_run_to_begin_with(reader: str, run: RunPaths) -> None:
    result = typed(reader, run)
    assert result.exit_code in ((0, 1, 2) if reader == "gate" else (0,)), result.output
    assert result.stderr == ""


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_missing_or_damaged(file: str, harm: str, run: RunPaths) -> None:
    path = FILES[file](run)
    HARMS[harm](path)
    for reader in READERS:
        fine_or_explained(typed(reader, run), str(run.root))
