"""Bad input gets one clear line and exit code 2, before anything is spent or written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from suites.frozen import store

PLAN = """\
name: small
arms:
  - grpo
  - g2rl
baseline: grpo
seeds: 2
budget: {steps: 4}
checkpoints: 2
training: {prompts_per_step: 2, group_size: 4}
suites: [sorting]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, offline."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


def explorebench(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="explorebench")


def refused(result: Result, message: str) -> None:
    """Check that a command was refused with one line and that it left nothing behind."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"error: {message}")


@pytest.mark.parametrize("command", ["check", "queue"])
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- g2rl", "- g2lr", "plan.yaml, line 4: arms[1]: no strategy named 'g2lr'. Did you mean 'g2rl'? Known: accur"),
        (
            "seeds: 2",
            "seeds: 2\nseds: 3",
            "plan.yaml, line 7: seds: no such field. Did you mean 'seeds'? Known: name, ",
        ),
        (
            "seeds: 2",
            "seeds: two",
            "plan.yaml, line 6: seeds: expected a number of seeds above 0, or a list of them; got 'two'",
        ),
        ("baseline: grpo\n", "", "plan.yaml, line 1: baseline: this field is needed and isn't there"),
        (
            "baseline: grpo",
            "baseline: gpro",
            "plan.yaml, line 5: baseline: the baseline must be one of the arms (grpo, ",
        ),
        ("seeds: 2", "seeds: 1", "plan.yaml, line 6: seeds: an interval needs at least two training seeds, got one; "),
        ("{steps: 4}", "{steps: 1}", "plan.yaml, line 7: budget: 1 steps is smaller than one step for each of the 2 "),
        ("group_size: 4", "group_size: 1", "plan.yaml, line 9: training.group_size: expected at least 2; got 1"),
        (
            "name: small",
            "name: small\nmodel: ./nowhere",
            "plan.yaml, line 2: model: model './nowhere': no such folder ",
        ),
        (
            "name: small",
            "name: small\nmodel: some-lab/some-model",
            "plan.yaml, line 2: model: model 'some-lab/some-model': not a folder here, not in the local cache, and hub "
            "needed but offline (HF_HUB_OFFLINE is set)",
        ),
    ],
)
def test_a_plan_that_can_not_be_run(command: str, old: str, new: str, message: str, folder: Path) -> None:
    assert PLAN.count(old) == 1
    Path("plan.yaml").write_text(PLAN.replace(old, new))
    refused(explorebench(command, "plan.yaml"), message)
    assert [path.name for path in folder.iterdir()] == ["plan.yaml"]


@pytest.mark.parametrize("command", ["check", "queue"])
def test_a_suite_that_is_not_what_was_frozen(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = folder / "frozen"
    shutil.copytree(store.FOLDER, frozen, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (frozen / "sorting.jsonl").open("a") as stream:
        stream.write("\n")
    monkeypatch.setattr("suites.registry.load_frozen", lambda name: store.load_frozen(name, frozen))
    Path("plan.yaml").write_text(PLAN)
    refused(
        explorebench(command, "plan.yaml"), f"plan.yaml, line 10: suites[0]: {frozen / 'sorting.jsonl'}: suite 'sor"
    )
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["check", "queue"])
def test_every_problem_has_a_line_of_its_own(command: str) -> None:
    Path("plan.yaml").write_text(PLAN.replace("- g2rl", "- g2lr").replace("[sorting]", "[sortin]"))
    result = explorebench(command, "plan.yaml")
    assert result.exit_code == 2
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == ["plan.yaml, line 4", "plan.yaml, line 10"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "nowhere.yaml"], "nowhere.yaml: can't be read: No such file or directory"),
        (["queue", "."], ".: can't be read: Is a directory"),
        (["status", "nowhere"], "nowhere is not a run: plan.resolved.json isn't there. Expected a folder made by "),
        (["status", "file.txt"], "file.txt is not a run: plan.resolved.json isn't there. Expected a folder made by "),
        (["paths", "nowhere"], "nowhere is not a run: plan.resolved.json isn't there. Expected a folder made by "),
        (["report", "nowhere"], "nowhere: no plan.resolved.json here, so this is not the folder of a run; give the "),
        (["report", "file.txt"], "file.txt: no plan.resolved.json here, so this is not the folder of a run; give the "),
        (["suites", "show", "sortin"], "no suite named 'sortin'. Did you mean 'sorting'? Known: arithmetic, "),
        (["strategies", "g2lr"], "no strategy named 'g2lr'. Did you mean 'g2rl'? Known: accuracy_band, "),
    ],
)
def test_what_is_not_there(words: list[str], message: str, folder: Path) -> None:
    Path("file.txt").write_text("")
    refused(explorebench(*words), message)
    assert [path.name for path in folder.iterdir()] == ["file.txt"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chek"], "Error: no command named 'chek'. Did you mean 'check'? Known: init, check, power, doctor, queue, "),
        (["zzz"], "Error: no command named 'zzz'. Known: init, check, power, doctor, queue, "),
        (["check"], "Error: Missing argument 'PLAN'."),
        (["queue", "plan.yaml", "--workers", "0"], "Error: Invalid value for '--workers': 0 is not in the range x>=1."),
        (["status", "runs", "--jsn"], "Error: No such option '--jsn'. Did you mean '--json'?"),
        (["init", "--template", "large"], "Error: Invalid value for '--template': 'large' is not one of "),
        (["init", "here.yaml"], "Error: here.yaml is there already; choose another name, or overwrite it with --force"),
    ],
)
def test_words_that_are_no_command(words: list[str], message: str) -> None:
    Path("here.yaml").write_text("mine")
    result = explorebench(*words)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(message)
    assert Path("here.yaml").read_text() == "mine"


def test_a_new_plan_can_be_checked_at_once() -> None:
    assert explorebench("init", "plans/mine.yaml", "--template", "smoke").exit_code == 0
    result = explorebench("check", "plans/mine.yaml")
    assert result.exit_code == 0, result.output
    assert "smoke: 3 arms x 2 seeds = 6 cells" in result.stdout
    assert not Path("runs").exists()


def test_help_imports_no_torch() -> None:
    code = (
        "import sys, harness.cli\n"
        "try: harness.cli.main(['--help'], prog_name='explorebench')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print('heavy:', sorted({'torch', 'trl', 'lm_eval', 'datasets', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: explorebench [OPTIONS] COMMAND [ARGS]...")
    assert done.stdout.endswith("heavy: []\n")
