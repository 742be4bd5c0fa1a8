"""What a plan will cost, as far as can be known before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.evaluation.todo import expected
from harness.plan.resolve import Plan
from harness.plan.schema import Training

if TYPE_CHECKING:
    from harness.ledger.flops import ModelShape


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Cost of a plan; tokens are upper bounds, since answers may end before their cap."""

    trained_cells: int
    evaluated_cells: int
    generated_tokens: float | None
    """In training, all cells; None when the budget is in another unit and says nothing about tokens."""
    training_flops: float | None
    evaluation_samples: int
    evaluation_tokens: int
    evaluation_flops: float


def estimate(plan: Plan, shape: ModelShape, prompt_tokens: float) -> Estimate:
    """Return the cost of all cells of `plan`.

    Args:
        plan: The plan.
        shape: Of its model.
        prompt_tokens: Mean length of a training prompt.
    """
    trained = [cell for cell in plan.cells if plan.arm(cell.arm).strategy is not None]
    tokens = _budget_tokens(plan)
    per_token = training_flops_per_token(plan.training, plan.max_completion_tokens, shape, prompt_tokens)
    flops = None if tokens is None else tokens * per_token
    if plan.budget.unit == "flops":
        flops = plan.budget.amount
    todos = [todo for cell in plan.cells for todo in expected(plan, cell)]
    answers = [(len(todo.suite.items) * todo.settings.samples, todo.suite.max_tokens) for todo in todos]
    evaluation_tokens = sum(count * cap for count, cap in answers)
    return Estimate(
        trained_cells=len(trained),
        evaluated_cells=len(plan.cells) - len(trained),
        generated_tokens=None if tokens is None else tokens * len(trained),
        training_flops=None if flops is None else flops * len(trained),
        evaluation_samples=sum(count for count, _ in answers),
        evaluation_tokens=evaluation_tokens,
        evaluation_flops=shape.forward(tokens=evaluation_tokens, logits=evaluation_tokens, attended=0),
    )


def _budget_tokens(plan: Plan) -> float | None:
    if plan.budget.unit == "generated_tokens":
        return plan.budget.amount
    if plan.budget.unit == "steps":
        return plan.budget.amount * plan.training.rollouts_per_step * plan.max_completion_tokens
    return None


def training_flops_per_token(training: Training, length: int, shape: ModelShape, prompt_tokens: float) -> float:
    """Return the training FLOPs for one generated token: decoding it, then a forward and a backward pass of it.

    Args:
        training: The plan's training settings.
        length: Tokens of an answer.
        shape: Of the model.
        prompt_tokens: Mean length of a training prompt.
    """
    whole = prompt_tokens + length
    one = shape.forward(tokens=whole, logits=length, attended=whole * whole)
    passes = 2 + (3 if training.gradient_checkpointing else 2) + (1 if training.kl else 0)
    return passes * one / length
