"""Every use is a line, and what the budget counts is the sum of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.ledger.ledger import UNITS, Ledger, Spent, Use
from harness.store.atomic import read_lines


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(path=tmp_path / "ledger.jsonl", attempt=2)


GENERATE = Use(step=1, phase="generate", generated_tokens=40, forward_tokens=60, forward_flops=100.0, device_seconds=2)
SCORE = Use(step=1, phase="score", part="g2rl", forward_tokens=7, forward_flops=10.0, device_seconds=0.5)
UPDATE = Use(step=1, phase="update", backward_tokens=60, forward_flops=30.0, backward_flops=60.0, device_seconds=1)
EVALUATE = Use(
    step=1, phase="evaluate", checkpoint=1, suite="sorting", generated_tokens=9, forward_flops=5.0, device_seconds=3
)


def test_a_step_spends_all_of_its_phases(ledger: Ledger) -> None:
    ledger.step([GENERATE, SCORE, UPDATE])
    ledger.step([GENERATE])
    assert ledger.spent == Spent(generated_tokens=80, flops=300.0, device_seconds=5.5, steps=2)


def test_evaluation_is_in_the_ledger_and_outside_the_budget(ledger: Ledger) -> None:
    ledger.step([GENERATE])
    before = ledger.spent.as_dict()
    ledger.aside(EVALUATE)
    assert ledger.spent.as_dict() == before
    assert [row["phase"] for row in read_lines(ledger.path)] == ["generate", "evaluate"]


def test_a_line_says_who_spent_what(ledger: Ledger) -> None:
    ledger.step([SCORE])
    ledger.aside(EVALUATE)
    score, evaluate = read_lines(ledger.path)
    assert score == {
        "attempt": 2,
        "step": 1,
        "phase": "score",
        "part": "g2rl",
        "checkpoint": None,
        "suite": None,
        "generated_tokens": 0,
        "forward_tokens": 7,
        "backward_tokens": 0,
        "forward_flops": 10.0,
        "backward_flops": 0.0,
        "device_seconds": 0.5,
        "peak_memory_bytes": None,
        "energy_joules": None,
    }
    assert (evaluate["checkpoint"], evaluate["suite"]) == (1, "sorting")


def test_the_lines_add_up_to_what_was_spent(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.step([GENERATE, SCORE, UPDATE])
        ledger.aside(EVALUATE)
    rows = [row for row in read_lines(ledger.path) if row["phase"] != "evaluate"]
    assert ledger.spent.generated_tokens == sum(row["generated_tokens"] for row in rows)
    assert ledger.spent.flops == sum(row["forward_flops"] + row["backward_flops"] for row in rows)
    assert ledger.spent.device_seconds == sum(row["device_seconds"] for row in rows)


def test_a_resumed_ledger_goes_on_from_what_was_spent(ledger: Ledger) -> None:
    ledger.step([GENERATE])
    later = Ledger(path=ledger.path, attempt=3, spent=Spent(**ledger.spent.as_dict()))
    later.step([GENERATE])
    assert later.spent.generated_tokens == 80
    assert [row["attempt"] for row in read_lines(ledger.path)] == [2, 3]


@pytest.mark.parametrize("unit", UNITS)
def test_a_budget_may_be_in_any_unit(unit: str) -> None:
    spent = Spent(generated_tokens=3, flops=4.5, device_seconds=0.25, steps=2)
    expected = {"generated_tokens": 3, "flops": 4.5, "device_seconds": 0.25, "steps": 2}[unit]
    assert spent.of(unit) == expected
