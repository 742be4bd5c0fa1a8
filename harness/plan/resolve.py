"""From a plan file to a plan: every name looked up, every default filled in, every cell spelled out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from harness.errors import PlanError
from harness.plan.cells import Cell, cell_for
from harness.plan.complaints import complaint, shown
from harness.plan.model import PinnedModel, pin_model
from harness.plan.schema import Budget, Evaluation, PlanFile, SuiteUse, Training
from harness.plan.source import Source, read_source
from suites import SuiteError, load_suite, training_task

if TYPE_CHECKING:
    from strategies import Strategy
    from suites.contract import Suite

Found = TypeVar("Found")

BASE = "base"
"""The arm that is not trained; every plan has it, one cell a seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """A strategy with its parameters, as it stands in the plan."""

    name: str
    strategy: Strategy | None
    """None for the untrained base model."""
    spec: dict[str, Any]
    """The strategy with every parameter spelled out."""
    family: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A plan that can be run: all that its file says has been looked up."""

    name: str
    source: Source
    model: PinnedModel
    task: str
    arms: tuple[Arm, ...]
    """In the file's order, after the base model."""
    baseline: str
    seeds: tuple[int, ...]
    budget: Budget
    checkpoints: int
    training: Training
    max_completion_tokens: int
    suites: tuple[tuple[SuiteUse, Suite], ...]
    evaluation: Evaluation
    cells: tuple[Cell, ...]

    def arm(self, name: str) -> Arm:
        """Return the arm called `name`."""
        return next(arm for arm in self.arms if arm.name == name)


def load_plan(path: Path) -> Plan:
    """Read, validate and resolve a plan file.

    Raises:
        PlanError: Naming every problem found, each with file and line.
    """
    source = read_source(path)
    if not isinstance(source.data, dict):
        raise PlanError(
            [
                f"{path}: expected fields such as name, arms and budget; got {shown(source.data)} "
                "(`explorebench init` writes a plan to start from)"
            ]
        )
    try:
        file = PlanFile.model_validate(source.data)
    except ValidationError as error:
        raise PlanError([complaint(source, detail) for detail in error.errors()]) from error
    return _resolved(source, file)


def _resolved(source: Source, file: PlanFile) -> Plan:
    problems: list[str] = []
    arms = _arms(source, file, problems)
    uses = _suites(source, file, problems)
    model = _found(source.where(("model",)), lambda: pin_model(file.model), problems)
    task = _found(source.where(("task",)), lambda: training_task(file.task), problems)
    if task is None or model is None or problems:
        raise PlanError(problems)
    max_tokens = file.training.max_completion_tokens or task.max_tokens
    _check_budget(source, file, max_tokens, model)
    if not any(use.primary for use, _ in uses):
        uses[0] = (uses[0][0].model_copy(update={"primary": True}), uses[0][1])
    return Plan(
        name=file.name,
        source=source,
        model=model,
        task=file.task,
        arms=tuple(arms),
        baseline=file.baseline,
        seeds=tuple(file.seeds),
        budget=file.budget,
        checkpoints=file.checkpoints,
        training=file.training,
        max_completion_tokens=max_tokens,
        suites=tuple(uses),
        evaluation=file.evaluation,
        cells=_cells(file, arms, model, max_tokens),
    )


def _found(where: str, find: Callable[[], Found], problems: list[str]) -> Found | None:
    try:
        return find()
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return None


def _cells(file: PlanFile, arms: list[Arm], model: PinnedModel, max_tokens: int) -> tuple[Cell, ...]:
    untrained = {"model": model.sha256}
    trained = {
        **untrained,
        "task": file.task,
        "budget": file.budget.model_dump(),
        "checkpoints": file.checkpoints,
        "training": {**file.training.model_dump(), "max_completion_tokens": max_tokens},
    }
    return tuple(
        cell_for(arm.name, arm.spec, seed, trained if arm.strategy else untrained)
        for arm in arms
        for seed in file.seeds
    )


def _arms(source: Source, file: PlanFile, problems: list[str]) -> list[Arm]:
    from strategies import RunSettings, StrategyError, build, describe, label

    settings = RunSettings(kl=file.training.kl, group_size=file.training.group_size)
    arms = [Arm(name=BASE, strategy=None, spec={BASE: {}}, family="baseline")]
    for index, entry in enumerate(file.arms):
        name, spec = _named(entry)
        try:
            strategy = build(spec)
            strategy.check(settings)
        except ValueError as error:
            at = error.at if isinstance(error, StrategyError) else ()
            problems.append(f"{source.where(('arms', index), at)}: {error}")
            continue
        arm = Arm(name=name or label(strategy), strategy=strategy, spec=describe(strategy), family=strategy.family)
        if twin := _twin(arm, arms):
            problems.append(f"{source.where(('arms', index))}: {twin}")
        arms.append(arm)
    if not problems and file.baseline not in [arm.name for arm in arms[1:]]:
        known = ", ".join(arm.name for arm in arms[1:])
        problems.append(
            f"{source.where(('baseline',))}: the baseline must be one of the arms ({known}); got {file.baseline!r}"
        )
    return arms


def _twin(arm: Arm, others: list[Arm]) -> str | None:
    """Say what is wrong with an arm that has the name, or does the same, as one before it."""
    if any(other.name == arm.name for other in others):
        return f"the arm {arm.name!r} stands twice; change it, or give it a name of its own (name: …)"
    for other in others:
        if other.spec == arm.spec:  # the same seeds: not a comparison of two runs, but one run twice
            return (
                f"the arm {arm.name!r} does the same as {other.name!r}, with the same seeds; change it, or leave it out"
            )
    return None


def _named(entry: object) -> tuple[str | None, object]:
    """Split `{name: mine, g2rl: {…}}` into the arm's own name and the strategy."""
    if isinstance(entry, dict) and isinstance(entry.get("name"), str) and len(entry) == 2:
        return entry["name"], {key: value for key, value in entry.items() if key != "name"}
    return None, entry


def _suites(source: Source, file: PlanFile, problems: list[str]) -> list[tuple[SuiteUse, Suite]]:
    found = []
    for index, use in enumerate(file.suites):
        try:
            found.append((use, load_suite(use.name)))
        except SuiteError as error:
            problems.append(f"{source.where(('suites', index))}: {error}")
    return found


def _check_budget(source: Source, file: PlanFile, max_tokens: int, model: PinnedModel) -> None:
    """Refuse a budget that might not cover one step for each checkpoint."""
    rollouts = file.training.rollouts_per_step
    step = {"generated_tokens": rollouts * max_tokens, "steps": 1}.get(file.budget.unit)
    if file.budget.unit == "flops":
        step = _step_flops(file.training, max_tokens, model)
    if step is not None and file.budget.amount < step * file.checkpoints:
        cost = f"{rollouts} rollouts of at most {max_tokens} tokens" if step > 1 else "one step"
        raise PlanError(
            [
                f"{source.where(('budget',))}: {file.budget.amount:g} {file.budget.unit} is smaller than one step "
                f"for each of the {file.checkpoints} checkpoints (a step: {cost} = {step:,}); "
                f"expected at least {step * file.checkpoints:,}"
            ]
        )


def _step_flops(training: Training, max_tokens: int, model: PinnedModel) -> int:
    """Return the FLOPs of a step whose answers all reach their cap, prompts left out."""
    from harness.ledger.flops import shape_of
    from harness.models.load import load_skeleton
    from harness.plan.estimate import training_flops_per_token

    shape = shape_of(load_skeleton(model.folder))
    per_token = training_flops_per_token(training, max_tokens, shape, prompt_tokens=0)
    return round(training.rollouts_per_step * max_tokens * per_token)
