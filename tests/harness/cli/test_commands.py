"""The commands as a new user types them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.cli.init import TEMPLATES
from harness.cli.main import DOORS
from harness.plan.resolve import load_plan


class Place(Protocol):
    """The workplace of tests/conftest.py."""

    @property
    def folder(self) -> Path: ...
    def explorebench(self, *words: str) -> subprocess.CompletedProcess[str]: ...


def typed(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("command", sorted(DOORS))
def test_every_command_explains_itself(command: str) -> None:
    assert typed(command, "--help").startswith("Usage:")


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_init_writes_a_plan_that_is_valid(template: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "plan.yaml"
    assert f"explorebench queue {path}" in typed("init", str(path), "--template", template)
    assert load_plan(path).name == template


def test_init_overwrites_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("mine")
    result = CliRunner().invoke(main, ["init", str(path)])
    assert result.exit_code == 2
    assert path.read_text() == "mine"
    typed("init", str(path), "--force")
    assert path.read_text() != "mine"


def test_check_prints_cells_cost_and_what_can_be_detected(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    typed("init", str(path), "--template", "tiny")
    printed = typed("check", str(path))
    assert "tiny: 7 arms x 3 seeds = 21 cells" in printed
    assert sum(line.startswith("  ") and ", seed " in line for line in printed.splitlines()) == 21
    assert "grpo, seed 0 (baseline)" in printed
    assert "noise_novelty(g2rl), seed 0 (control of g2rl)" in printed
    assert "training: 18 cells of 280,000 generated tokens" in printed
    assert "generated tokens: at most 5,040,000" in printed
    line = next(line for line in printed.splitlines() if "countdown (primary)" in line)
    assert line.split() == ["countdown", "(primary)", "14.8", "16.5", "never,", "never,", "never"]


TUNED = """\
name: small
arms:
  - g2rl: {form: centred}
    name: g2rl
    grid: {strength: [0.1, 0.3, 1.0]}
  - grpo
baseline: grpo
seeds: 2
budget: {steps: 4}
checkpoints: 2
training: {prompts_per_step: 2, group_size: 4}
suites: [sorting]
tuning:
  suite: {countdown-validation: {samples: 4}}
  budget: {generated_tokens: 6_000}
"""


def test_check_lists_trials_and_counts_their_cost(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(TUNED)
    printed = typed("check", str(path))
    assert "small: 4 arms x 2 seeds = 8 cells, after 3 trials" in printed
    assert re.search(r"g2rl-strength-0-3-s1000000-\w{12} +trial of g2rl: strength=0.3, seed 1000000\n", printed)
    assert re.search(r"\(known when its trials are over\) +g2rl and its controls, 2 seeds\n", printed)
    assert "training: 6 cells of 4 steps" in printed
    tuning = printed[printed.index("cost of tuning, beside that") :]
    assert "training: 3 trials, 6,000 generated tokens for each of g2rl" in tuning
    assert "generated tokens: at most 6,000;" in tuning
    assert "evaluation: 2,400 answers" in tuning  # 3 trials x 200 items x 4 samples
    assert "caution: arms are tuned, but the baseline grpo is not; learning_rate may be in its grid" in printed


def test_check_measures_the_time(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    typed("init", str(path), "--template", "smoke")
    assert " minutes with " in typed("check", str(path), "--measure")
    assert [file.name for file in tmp_path.iterdir()] == ["plan.yaml"]


def test_strategies_are_listed_and_described() -> None:
    assert "g2rl" in typed("strategies")
    page = typed("strategies", "g2rl")
    for words in ("2512.15687", "strength", "default 0.3", "literal", "prose", "centred"):
        assert words in page


def test_suites_are_listed_and_shown() -> None:
    assert "countdown-hard" in typed("suites")
    shown = typed("suites", "show", "countdown")
    assert "\nC1 2 11 11=21:\n" in shown
    assert "grader_id    'countdown/1'" in shown
    assert "gsm8k" in typed("suites"), "known, and not fetched"


def test_status_reads_the_files(finished: Place) -> None:
    cells = json.loads(finished.explorebench("status", "runs/demo", "--json").stdout)
    assert [cell["arm"] for cell in cells] == ["base", "base", "grpo", "grpo", "g2rl", "g2rl"]
    assert {cell["state"] for cell in cells} == {"done"}
    assert "g2rl seed 1: done, 100%" in finished.explorebench("status", "runs/demo").stdout


def test_report_writes_the_page_and_the_leaderboard(finished: Place) -> None:
    done = finished.explorebench("report", "runs/demo", "--site", "elsewhere")
    assert done.returncode == 0, done.stderr
    page = (finished.folder / "elsewhere" / "demo" / "index.html").read_text()
    board = (finished.folder / "elsewhere" / "demo" / "leaderboard.md").read_text()
    for words in ("base", "grpo", "g2rl", "sorting", "graphs"):
        assert words in page
        assert words in board
    assert "http://" not in page.replace("http://www.w3.org", "")
