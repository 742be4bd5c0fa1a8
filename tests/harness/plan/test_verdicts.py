from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import PlanError
from harness.plan.export import resolved_json
from harness.plan.resolve import Plan

PlanWith = Callable[..., Plan]
BUDGET = "budget: {steps: 4}"


def plan_of(plan_with: PlanWith, lines: str) -> Plan:
    return plan_with((BUDGET, f"{BUDGET}\n{lines}"))


def test_the_rule_is_in_the_resolved_plan(plan_with: PlanWith) -> None:
    found = resolved_json(plan_of(plan_with, "verdicts: {margin: 2, improved: interval, items: these items}"))
    assert found["verdicts"] == {"margin": 2.0, "improved": "interval", "items": "these items", "looking_for": 3.0}
    assert found["compare_at"] is None


def test_the_rule_changes_no_cell(plan_with: PlanWith) -> None:
    plain = plan_with()
    ruled = plan_of(plan_with, "verdicts: {margin: 2}\ncompare_at: {best_on: sorting}")
    assert [cell.id for cell in plain.cells] == [cell.id for cell in ruled.cells]
    assert resolved_json(ruled)["compare_at"] == "sorting"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("verdicts: {margin: -1}", "verdicts.margin"),
        ("verdicts: {improved: maybe}", "verdicts.improved"),
        ("compare_at: {best_on: chess}", "got 'chess', such suites of this plan: countdown, sorting"),
        ("compare_at: first", "compare_at"),
    ],
)
def test_no_rule_is_refused(lines: str, said: str, plan_with: PlanWith) -> None:
    with pytest.raises(PlanError) as error:
        plan_of(plan_with, lines)
    assert any(said in problem for problem in error.value.problems), error.value.problems


def test_the_best_checkpoint_needs_a_suite_that_is_asked_at_each(plan_with: PlanWith) -> None:
    changes: Any = (
        ("  - sorting\n", "  - sorting: {at: ends}\n"),
        (BUDGET, f"{BUDGET}\ncompare_at: {{best_on: sorting}}"),
    )
    with pytest.raises(PlanError, match="evaluated at every one"):
        plan_with(*changes)
