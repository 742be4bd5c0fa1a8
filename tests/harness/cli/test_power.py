"""`explorebench power` and what `check` says of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main

PLAN = """\
name: small
arms: [grpo, dr_grpo]
baseline: grpo
seeds: {seeds}
budget: {{steps: 4}}
intervals: {intervals}
suites:
  - countdown: {{samples: 4, primary: true}}
  - sorting: {{samples: 4, primary: true}}
verdicts: {{looking_for: {looking_for}, items: {items}}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(command: str, **values: object) -> str:
    given = {"seeds": 5, "looking_for": 3, "items": "items like these", "intervals": "true", **values}
    Path("plan.yaml").write_text(PLAN.format(**given))
    done = CliRunner().invoke(main, command.split())
    assert done.exit_code == 0, done.output
    return done.output


def numbers(text: str, row: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.strip().startswith(row))
    return line.replace("(primary)", "").strip().removeprefix(row).split()


def test_a_plan_that_cannot_answer_its_own_question_is_told(folder: Path) -> None:
    text = typed("check plan.yaml")
    these, like, *_ = map(float, (word for word in numbers(text, "primary score")[:2]))
    assert like > these > 3
    assert f"caution: the plan is after 3 points (verdicts: looking_for) and detects {like:.1f}" in text
    assert "caution: the plan is after" not in typed("check plan.yaml", looking_for=40)


def test_two_suites_together_see_more_than_one(folder: Path) -> None:
    text = typed("power plan.yaml")
    assert float(numbers(text, "primary score")[0]) < float(numbers(text, "countdown")[0])


def test_more_seeds_see_more(folder: Path) -> None:
    few, many = (float(numbers(typed(f"power plan.yaml --seeds {seeds}"), "countdown")[0]) for seeds in (3, 30))
    assert many < few / 2


def test_for_these_items_there_is_a_number_of_seeds(folder: Path) -> None:
    assert numbers(typed("power plan.yaml"), "countdown")[2:] == ["never,", "never,", "never"]
    one, two, three = (
        float(word.rstrip(",")) for word in numbers(typed("power plan.yaml", items="these items"), "countdown")[2:]
    )
    assert one > two > three > 2


def test_one_seed_detects_nothing(folder: Path) -> None:
    assert "one seed gives no interval" in typed("power plan.yaml", seeds="[0]", intervals="false")


def results(seeds: int, sd: float) -> None:
    lines = ["arm,seed,suite,item,correct,samples"]
    for arm in ("grpo", "dr_grpo"):
        for seed in range(seeds):
            draw = random.Random(f"{arm} {seed}")
            level = 0.5 + draw.gauss(0, sd)
            lines += [
                f"{arm},{seed},countdown,{item},{sum(draw.random() < level for _ in range(16))},16"
                for item in range(200)
            ]
    Path("pilot.csv").write_text("\n".join(lines) + "\n")
    done = CliRunner().invoke(main, ["import", "pilot.csv", "--run", "runs/pilot", "--baseline", "grpo"])
    assert done.exit_code in (0, 2), done.output
    done = CliRunner().invoke(main, ["import", "pilot.csv", "--run", "runs/pilot", "--replace"])
    assert done.exit_code == 0, done.output


def test_a_pilot_with_noisy_seeds_asks_for_more_of_them(folder: Path) -> None:
    plain = numbers(typed("power plan.yaml", items="these items"), "countdown")
    results(8, sd=0.05)
    text = typed("power plan.yaml --pilot runs/pilot", items="these items")
    assert "with the pilot's variances for countdown; for other suites a seed sd of 1 point" in text
    assert float(numbers(text, "countdown")[0]) > float(plain[0])
    assert numbers(text, "sorting") == numbers(typed("power plan.yaml", items="these items"), "sorting")


def test_a_pilot_of_one_seed_has_no_variances(folder: Path) -> None:
    results(1, sd=0.05)
    typed("check plan.yaml")
    done = CliRunner().invoke(main, ["power", "plan.yaml", "--pilot", "runs/pilot"])
    assert done.exit_code == 2
    assert "no arm has two seeds in common with the baseline" in done.output
