"""What a plan will cost, worked by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.ledger.flops import ModelShape
from harness.plan.estimate import estimate, training_flops_per_token
from harness.plan.resolve import Plan
from harness.plan.schema import Training
from suites import load_suite

PlanWith = Callable[..., Plan]

SHAPE = ModelShape(body=1000, head=100, attention=0)
SUITES = ("- sorting", "- sorting: {samples: 1, at: ends}")


def test_tokens_of_a_budget_in_tokens(plan_with: PlanWith) -> None:
    cost = estimate(plan_with(("{steps: 4}", "{generated_tokens: 5000}")), SHAPE, prompt_tokens=10)
    assert (cost.trained_cells, cost.evaluated_cells) == (4, 2)
    assert cost.generated_tokens == 4 * 5000


def test_tokens_of_a_budget_in_steps_are_at_most_every_answer_at_its_cap(plan_with: PlanWith) -> None:
    cost = estimate(plan_with(("kl: 0", "max_completion_tokens: 10")), SHAPE, prompt_tokens=10)
    assert cost.generated_tokens == 4 * (4 * 2 * 4 * 10)


def test_flops_of_a_budget_in_flops(plan_with: PlanWith) -> None:
    cost = estimate(plan_with(("{steps: 4}", "{flops: 1e12}")), SHAPE, prompt_tokens=10)
    assert cost.training_flops == 4e12
    assert cost.generated_tokens is None


def test_seconds_say_nothing_about_tokens(plan_with: PlanWith) -> None:
    cost = estimate(plan_with(("{steps: 4}", "{device_seconds: 60}")), SHAPE, prompt_tokens=10)
    assert (cost.generated_tokens, cost.training_flops) == (None, None)


@pytest.mark.parametrize(
    ("training", "passes"),
    [
        (Training(), 4),  # decode, forward, backward twice
        (Training(kl=0.1), 5),  # and the reference
        (Training(gradient_checkpointing=True), 5),  # and the forward pass again
    ],
)
def test_flops_of_a_generated_token(training: Training, passes: int) -> None:
    # 10 prompt tokens and 5 answer tokens: 15 through the body and 5 through the head, shared by 5 tokens.
    one_pass = (2 * 1000 * 15 + 2 * 100 * 5) / 5
    assert training_flops_per_token(training, 5, SHAPE, prompt_tokens=10) == passes * one_pass


def test_evaluation_is_every_answer_at_its_cap(plan_with: PlanWith) -> None:
    cost = estimate(plan_with(SUITES), SHAPE, prompt_tokens=10)
    countdown, sorting = load_suite("countdown"), load_suite("sorting")
    # Six cells: two of the base model, evaluated once; four of two checkpoints, of which sorting sees the last.
    answers = {"countdown": len(countdown.items) * 2 * (2 + 4 * 2), "sorting": len(sorting.items) * (2 + 4)}
    assert cost.evaluation_samples == sum(answers.values())
    assert (
        cost.evaluation_tokens == answers["countdown"] * countdown.max_tokens + answers["sorting"] * sorting.max_tokens
    )
    assert cost.evaluation_flops == 2 * 1100 * cost.evaluation_tokens
