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
from harness.store.atomic import write_json
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
    "a folder": lambda path: path.rename(path.with_name("old")).with_name(path.name).mkdir(),
}
PLAN = """\
name: small
arms:
  - grpo
baseline: grpo
seeds: 2
intervals: false
budget: {steps: 4}
checkpoints: 2
training: {prompts_per_step: 2, group_size: 4}
suites: [sorting]
"""
DRAWN = ("deleted", "noise in the middle", "other JSON")
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
        # Publishing writes the same report as report does; drawing it takes a second, so it is done for some.
        if reader != "report" and (reader != "publish" or harm in DRAWN):
            fine_or_explained(typed(reader, run), str(run.root))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "has no format, so an older version wrote it"),
        (0, "has format 0 (written by explorebench 0.0.1)"),
        (99, "has format 99 (written by explorebench 0.0.1)"),
        ("x", "has format 'x' (written by explorebench 0.0.1)"),
    ],
)
def test_a_run_of_another_version(found: object, said: str, run: RunPaths) -> None:
    resolved = json.loads(run.resolved.read_text())
    changed = {name: value for name, value in resolved.items() if name not in ("format", "explorebench")}
    write_json(run.resolved, changed if found is None else {"format": found, "explorebench": "0.0.1", **changed})
    for reader in READERS:
        result = typed(reader, run)
        assert result.exit_code == (3 if reader == "gate" else 2), (reader, result.output)
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"error: {run.resolved}: {said}"), reader
        assert "which reads format 1" in line
        assert "queue its plan anew into another folder" in line


def test_a_run_of_another_version_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    run = RunPaths(tmp_path / "runs" / "small")
    write_json(run.resolved, {"format": 99, "explorebench": "9.9", "name": "small"})
    before = run.resolved.read_bytes()
    words = ["queue", str(tmp_path / "plan.yaml"), "--runs", str(tmp_path / "runs")]
    result = CliRunner().invoke(main, words, prog_name="explorebench")
    assert result.exit_code == 2
    assert "has format 99 (written by explorebench 9.9)" in result.stderr
    assert [path.name for path in run.root.iterdir()] == ["plan.resolved.json"]
    assert run.resolved.read_bytes() == before


def test_a_strategy_that_is_not_installed_any_more(run: RunPaths) -> None:
    resolved = json.loads(run.resolved.read_text())
    for arm in resolved["arms"][2:]:
        arm |= {"strategy": {"gone_with_the_wind": {"strength": 1.0}}, "family": "gone"}
    write_json(run.resolved, resolved)
    for reader in READERS:
        result = typed(reader, run)
        assert result.stderr == "", reader
        assert result.exit_code in ((0, 1, 2) if reader == "gate" else (0,)), reader
    assert "gone" in (run.root.with_name("out") / "synthetic" / "leaderboard.md").read_text()
    assert (run.root.with_name("out") / "publish" / "strategies" / "gone_with_the_wind.html").is_file()
    plan = run.root.with_name("plan.yaml")
    plan.write_text(PLAN.replace("- grpo", "- grpo\n  - gone_with_the_wind"))
    for command in ("check", "queue"):
        result = CliRunner().invoke(main, [command, str(plan)], prog_name="explorebench")
        assert result.exit_code == 2
        assert "no strategy named 'gone_with_the_wind'" in result.stderr


def test_a_run_without_a_finished_cell(run: RunPaths) -> None:
    shutil.rmtree(run.cells)
    for reader in READERS:
        result = typed(reader, run)
        fine_or_explained(result, str(run.root))
        assert result.exit_code == (0 if reader in ("status", "watch") else 3 if reader == "gate" else 2), reader


def test_a_run_of_one_arm(tmp_path: Path) -> None:
    root = tmp_path / "run"
    write_store(root, Store(arms=(Arm(name="arm-0"),), seeds=2, items=6, samples=2), np.random.default_rng(0))
    run = RunPaths(root)
    for reader in READERS:
        if reader not in ("compare", "paths"):
            fine_or_explained(typed(reader, run), "synthetic" if reader == "gate" else str(root))
    assert typed("report", run).exit_code == 0


def test_hostile_names_never_act_on_the_terminal(tmp_path: Path) -> None:
    root, name = tmp_path / "run", "<script>x</script>\x1b[2J\u202e[red]"
    arms = (Arm(name="arm-0"), Arm(name=name))
    write_store(root, Store(arms=arms, seeds=2, items=6, samples=2), np.random.default_rng(0))
    run = RunPaths(root)
    words = {reader: READERS[reader](root, tmp_path) for reader in READERS if reader not in ("publish", "paths")}
    words["publish"] = READERS["publish"](root, tmp_path / "site")
    words["compare"] = ["compare", f"{root}:{name}", f"{root}:arm-0"]
    words |= {"paths": ["paths", str(root), "--arm", name], "no arm": ["compare", f"{root}:{name}x", f"{root}:arm-0"]}
    words |= {"watch": ["watch", str(root), "--arm", f"{name}x"], "gate": ["gate", str(root), "--arm", f"{name}x"]}
    for typed_words in words.values():
        result = CliRunner().invoke(main, typed_words, prog_name="explorebench")
        assert result.exception is None or isinstance(result.exception, SystemExit), typed_words
        assert not set(result.output) & set("\x1b\u202e"), typed_words
    assert run.root.is_dir()
