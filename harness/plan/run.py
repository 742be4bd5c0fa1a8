"""What a plan's strategies and watches may check themselves against, before anything is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.plan.schema import Budget, PlanFile
from suites import SuiteError, suite_names, training_task

if TYPE_CHECKING:
    from strategies import ModelFacts, RunSettings


def run_settings(file: PlanFile, budget: Budget) -> RunSettings:
    """Return the run that a cell of the plan is, with `budget` for its training."""
    from strategies import RunSettings

    training = file.training
    return RunSettings(
        kl=training.kl,
        group_size=training.group_size,
        prompts_per_step=training.prompts_per_step,
        updates_per_batch=training.updates_per_batch,
        temperature=training.temperature,
        pool=training.pool,
        visits=_visits(file, budget),
        adapters=training.lora is not None,
        task=file.task,
        prefixes=_prefixes(file),
        suites=tuple(use.name for use in file.suites),
        known_suites=tuple(suite_names()),
        model=lambda: _facts(file),
    )


def _facts(file: PlanFile) -> ModelFacts:
    from harness.models.facts import model_facts
    from strategies import ModelFacts

    try:
        return model_facts(file.model)
    except ValueError:  # a model that isn't there, which is said elsewhere
        return ModelFacts(name=file.model)


def _prefixes(file: PlanFile) -> bool:
    try:
        return training_task(file.task).prefixes
    except SuiteError:  # an unknown task, which is said elsewhere
        return True


def _visits(file: PlanFile, budget: Budget) -> float | None:
    """Return the prompts that a cell visits if every answer reaches its cap; None if the budget doesn't say."""
    training, amount = file.training, budget.amount
    if budget.unit == "steps":
        return training.prompts_per_step * amount / training.updates_per_batch
    if budget.unit != "generated_tokens":
        return None
    try:
        cap = training.max_completion_tokens or training_task(file.task).max_tokens
    except SuiteError:  # an unknown task, which is said elsewhere
        return None
    return amount / (training.group_size * cap)
