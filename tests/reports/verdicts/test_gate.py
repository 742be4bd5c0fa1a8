from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reports.errors import ReportError
from reports.read import Run, read_run
from reports.verdicts.gate import PASSED, REGRESSED, UNSURE, gate, gate_json, gate_markdown

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

ITEMS, SAMPLES = 40, 8


def moved(by: float, suite: str, arm: str = "g2rl") -> dict[tuple[str, int, int, str], tuple[int, ...]]:
    """Return counts of an arm at the end: half of all right, and `by` items' worth of answers more or fewer."""
    found = {}
    for seed in range(5):
        even = [4 + (place + seed) % 2 - (place + seed + 1) % 2 for place in range(ITEMS)]
        extra = round(by * SAMPLES) + (seed % 2 if arm == "g2rl" else 0)
        step = 1 if extra > 0 else -1
        for place in range(abs(extra)):
            even[place % ITEMS] += step
        found[arm, seed, 2, suite] = tuple(min(max(count, 0), SAMPLES) for count in even)
    return found


@pytest.fixture
def run_with(write_run: WriteRun, spec: type[RunSpec]) -> Any:
    def write(countdown: float, sorting: float, **changes: Any) -> Run:
        counts = {
            **moved(0, "countdown", "grpo"), **moved(0, "sorting", "grpo"),
            **moved(countdown, "countdown"), **moved(sorting, "sorting"),
        }  # fmt: skip
        rule = {"items": "these items", "margin": 5.0}
        given = {"seeds": tuple(range(5)), "items": ITEMS, "samples": SAMPLES, "counts": counts, "verdicts": rule}
        return read_run(write_run(spec(**{**given, **changes})))

    return write


def test_nothing_regressed(run_with: Any) -> None:
    found = gate(run_with(0, 0))
    assert found.code == PASSED
    assert {row.finding for row in found.rows} == {"held"}
    assert "passed: nothing regressed" in gate_markdown(found)


def test_what_was_forgotten_fails_and_is_named(run_with: Any) -> None:
    found = gate(run_with(8, -9))
    assert found.code == REGRESSED
    by_suite = {row.suite: row for row in found.rows}
    assert (by_suite["countdown"].finding, by_suite["countdown"].forgetting) == ("held", False)
    assert (by_suite["sorting"].finding, by_suite["sorting"].forgetting) == ("regressed", True)
    text = gate_markdown(found)
    assert "| g2rl | sorting (forgetting) |" in text
    assert "**regressed**" in text
    assert "g2rl on sorting lost most: `sorting-" in text
    changes = by_suite["sorting"].changes
    assert changes is not None
    assert len(changes.lost) > len(changes.gained)


def test_answers_that_are_all_the_same_pass(run_with: Any) -> None:
    alike = {(arm, *key[1:]): counts for key, counts in moved(0, "countdown").items() for arm in ("grpo", "g2rl")}
    alike |= {(*key[:3], "sorting"): counts for key, counts in alike.items()}
    assert gate(run_with(0, 0, counts=alike)).code == PASSED


def test_few_seeds_can_neither_pass_nor_fail(run_with: Any) -> None:
    assert gate(run_with(0, 0, seeds=(0,))).code == UNSURE


def test_a_suite_and_a_margin_can_be_named(run_with: Any) -> None:
    run = run_with(8, -9)
    assert gate(run, suites=["countdown"]).code == PASSED
    assert gate(run, margin=60.0).code == PASSED


def test_the_untrained_model_and_the_checkpoint_before_are_references(run_with: Any) -> None:
    run = run_with(8, -9)
    assert {row.arm for row in gate(run, "base").rows} == {"grpo", "g2rl"}
    assert {row.reference for row in gate(run, "previous").rows} == {"previous"}


def test_json_has_all_of_it(run_with: Any) -> None:
    found = gate_json(gate(run_with(8, -9)))
    assert (found["exit_code"], found["run"], found["reference"]) == (1, "toy", "grpo")
    row = next(row for row in found["rows"] if row["suite"] == "sorting")
    assert row["difference"] < -5
    assert row["low"] < row["difference"] < row["high"]
    assert row["seeds"] == 5
    assert row["lost"][0].startswith("sorting-")


def test_what_is_not_in_the_run_is_misuse(run_with: Any) -> None:
    run = run_with(0, 0)
    with pytest.raises(ReportError, match="expected a baseline of this run, got 'ppo'; there are base, grpo, g2rl"):
        gate(run, "ppo")
    with pytest.raises(ReportError, match="expected an arm"):
        gate(run, arms=["base"])
    with pytest.raises(ReportError, match="expected a suite"):
        gate(run, suites=["chess"])
    with pytest.raises(ReportError, match="no arm is left"):
        gate(run_with(0, 0, arms=("grpo",), counts={}))


def test_a_cell_that_is_still_to_come_is_told(run_with: Any) -> None:
    found = gate(run_with(0, 0, unfinished={("g2rl", 4): 1}))
    assert found.unfinished == ("g2rl, seed 4 (interrupted)",)
    assert "Partial: still to come: g2rl, seed 4 (interrupted)." in gate_markdown(found)
    assert "not paired: seed 4" in gate_markdown(found)
