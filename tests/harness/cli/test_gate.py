"""`explorebench gate` as a CI script calls it: four exit codes, Markdown and JSON."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main

ITEMS, SAMPLES, SEEDS = 120, 8, 5
CHANCES = {"grpo": 0.6, "same": 0.6, "worse": 0.35}

SCRIPT = """\
set +e
{gate} runs/results --baseline grpo --arm "$1" --margin 5 --summary summary.md > report.md
case $? in
  0) echo "merge" ;;
  1) echo "regressed"; cat report.md ;;
  2) echo "can't tell: add seeds" ;;
  *) echo "wrong call" ;;
esac
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with imported results: five seeds of three arms, and one seed of a fourth."""
    root = tmp_path_factory.mktemp("gate")
    lines = ["arm,seed,suite,item,correct,samples"]
    for arm, chance in {**CHANCES, "lonely": 0.6}.items():
        for seed in range(1 if arm == "lonely" else SEEDS):
            draw = random.Random(f"{arm} {seed}")
            for item in range(ITEMS):
                right = sum(draw.random() < chance for _ in range(SAMPLES))
                lines.append(f"{arm},{seed},sums,item-{item},{right},{SAMPLES}")
    (root / "results.csv").write_text("\n".join(lines) + "\n")
    done = CliRunner().invoke(main, ["import", f"{root}/results.csv", "--run", f"{root}/runs/results"])
    assert done.exit_code == 0, done.output
    return root


def gated(folder: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["gate", f"{folder}/runs/results", "--baseline", "grpo", "--margin", "5", *options])
    return done.exit_code, done.output


@pytest.mark.parametrize(("arm", "code"), [("same", 0), ("worse", 1), ("lonely", 2), ("none", 3)])
def test_each_exit_code(arm: str, code: int, folder: Path) -> None:
    assert gated(folder, "--arm", arm)[0] == code


@pytest.mark.parametrize(
    ("arm", "said"), [("same", "merge"), ("worse", "regressed"), ("lonely", "add seeds"), ("none", "wrong call")]
)
def test_a_ci_script_tells_them_apart(arm: str, said: str, folder: Path) -> None:
    gate = f'"{sys.executable}" -c "from harness.cli import main; main()" gate'
    done = subprocess.run(
        ["bash", "-c", SCRIPT.replace("{gate}", gate), "ci", arm],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said in done.stdout
    assert "**regressed**" in done.stdout if arm == "worse" else True


def test_any_regression_fails_the_whole(folder: Path) -> None:
    code, text = gated(folder)
    assert code == 1
    assert text.startswith("### explorebench gate: failed: something regressed")
    assert "| same | sums |" in text
    assert "worse on sums lost most: `item-" in text


def test_json_is_the_same_in_fields(folder: Path) -> None:
    code, text = gated(folder, "--arm", "worse", "--json")
    found = json.loads(text)
    assert found["exit_code"] == code == 1
    assert found["rows"][0]["high"] < -5
    assert set(found["rows"][0]["lost"]) > set(found["rows"][0]["gained"])


def test_summaries_are_appended(folder: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    gated(folder, "--arm", "same", "--summary", str(summary))
    assert summary.read_text().startswith("before\n### explorebench gate: passed")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["runs/nowhere"], "error: runs/nowhere"),
        ([], "Missing argument"),
        (["{run}", "--margin", "-1"], "--margin"),
        (["{run}", "--suite", "chess"], "expected a suite of this run, got 'chess'; there are sums"),
        (["{run}", "--baseline", "ppo"], "expected a baseline of this run, got 'ppo'"),
        (["{run}", "--what"], "No such option"),
    ],
)
def test_a_wrong_call_is_3(options: list[str], said: str, folder: Path) -> None:
    given = [option.replace("{run}", f"{folder}/runs/results") for option in options]
    done = CliRunner().invoke(main, ["gate", *given])
    assert done.exit_code == 3
    assert said in done.output
