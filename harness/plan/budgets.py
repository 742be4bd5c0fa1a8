"""Whether the budgets of a plan cover at least one step of what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.plan.model import PinnedModel
from harness.plan.schema import Training

if TYPE_CHECKING:
    from harness.plan.resolve import Plan


def budget_problems(plan: Plan) -> list[str]:
    """Return what is wrong with the budgets of a plan: of its cells, or of the trials of its tuned arms."""
    found = []
    least, cost = _step(plan, plan.budget.unit)
    if least is not None and plan.budget.amount < least * plan.checkpoints:
        found.append(
            f"{plan.source.where(('budget',))}: {plan.budget.amount:g} {plan.budget.unit} is smaller than one step "
            f"for each of the {plan.checkpoints} checkpoints (a step: {cost} = {least:,}); "
            f"expected at least {least * plan.checkpoints:,}"
        )
    return found + _trial_problems(plan)


def _trial_problems(plan: Plan) -> list[str]:
    if plan.tuning is None:
        return []
    budget, tuned = plan.tuning.budget, [arm for arm in plan.arms if arm.points]
    where = plan.source.where(("tuning", "budget"))
    most = max(tuned, key=plan.tuning.trials)
    trials, shown = plan.tuning.trials(most), f"{budget.amount:,.10g} {budget.unit}"
    least, cost = _step(plan, budget.unit)
    if least is not None and budget.amount < least * trials:
        return [
            f"{where}: {shown} is smaller than one step for each of the {trials} trials of {most.name} "
            f"({len(most.points)} points x {len(plan.tuning.seeds)} tuning seeds; a step: {cost} = {least:,}); "
            f"expected at least {least * trials:,}"
        ]
    uneven = [arm for arm in tuned if not plan.tuning.trial_budget(arm).amount.is_integer()]
    if budget.unit == "steps" and uneven:
        return [
            f"{where}: {shown} can't be shared out in whole steps among the {plan.tuning.trials(uneven[0])} trials of "
            f"{uneven[0].name}, so arms would not get the same; expected a multiple of the trials of each arm "
            f"({', '.join(str(plan.tuning.trials(arm)) for arm in tuned)})"
        ]
    return []


def _step(plan: Plan, unit: str) -> tuple[int | None, str]:
    """Return the most that a step of training takes, None where that can't be known, and what makes it up."""
    rollouts = plan.training.rollouts_per_step
    cost = f"{rollouts} rollouts of at most {plan.max_completion_tokens} tokens"
    updates = plan.training.updates_per_batch
    if unit == "steps":
        return updates, "one step" if updates == 1 else f"{updates} updates on one generation"
    if unit == "generated_tokens":
        return rollouts * plan.max_completion_tokens, cost
    if unit == "flops":
        return _step_flops(plan.training, plan.max_completion_tokens, plan.model), cost
    return None, cost


def _step_flops(training: Training, max_tokens: int, model: PinnedModel) -> int:
    """Return the FLOPs of a step whose answers all reach their cap, prompts left out."""
    from harness.ledger.flops import shape_of
    from harness.models.load import load_skeleton
    from harness.plan.estimate import training_flops_per_token

    shape = shape_of(load_skeleton(model.folder))
    per_token = training_flops_per_token(training, max_tokens, shape, prompt_tokens=0)
    return round(training.rollouts_per_step * max_tokens * per_token)
