"""From a plan file to a plan: every name looked up, every default filled in, every cell spelled out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from harness.errors import PlanError
from harness.plan.arms import Arm
from harness.plan.budgets import budget_problems
from harness.plan.cells import Cell, cell_for
from harness.plan.complaints import complaint, shown
from harness.plan.controls import controlled
from harness.plan.entries import resolve_arms
from harness.plan.model import PinnedModel, pin_model
from harness.plan.run import run_settings
from harness.plan.schema import Budget, Evaluation, Limits, PlanFile, SuiteUse, Training, Verdicts
from harness.plan.source import Source, read_source
from harness.plan.suites import spelled_out, use_snapshot
from harness.plan.tuning import Tuning, resolve_tuning
from suites import load_suite, members, training_task

if TYPE_CHECKING:
    from strategies.watches import Watch
    from suites.contract import Suite

Found = TypeVar("Found")
DEFAULT_LIMITS = Limits()


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
    controls: bool
    """Whether the controls that belong to the arms stand among them."""
    suites: tuple[tuple[SuiteUse, Suite], ...]
    evaluation: Evaluation
    verdicts: Verdicts
    compare_at: str | None
    """Suite on which the best checkpoint of a cell is chosen; None for the last checkpoint."""
    watches: tuple[Watch, ...] = ()
    """Look at every cell while it trains; no part of what a cell is, since they change nothing."""
    limits: Limits = DEFAULT_LIMITS
    """What a cell may take before somebody must look at it; no part of what it is."""
    tuning: Tuning | None = None
    cells: tuple[Cell, ...] = ()
    """Those of all arms but the ones that wait for their trials."""

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


def with_cells(plan: Plan) -> Plan:
    """Return `plan` with its controls, and the cells of all its arms but those that wait for their trials."""
    if plan.controls:
        plan = replace(plan, arms=controlled(plan.arms, plan.training))
    problems = training_task(plan.task).sha256  # once: it looks through all installed packages
    cells = [_cell(plan, arm, seed, problems) for arm in plan.arms if not arm.waiting for seed in plan.seeds]
    return replace(plan, cells=tuple(cells))


def _cell(plan: Plan, arm: Arm, seed: int, problems: str | None) -> Cell:
    if arm.strategy is None:
        return cell_for(arm.name, arm.spec, seed, {"model": plan.model.sha256})
    shared = {
        "model": plan.model.sha256,
        "task": plan.task,
        "budget": plan.budget.model_dump(),
        "checkpoints": plan.checkpoints,
        "training": {**training_identity(arm.training), "max_completion_tokens": plan.max_completion_tokens},
    }
    if arm.encoders:
        shared["encoders"] = arm.encoders
    if problems:
        shared["problems"] = problems
    return cell_for(arm.name, arm.spec, seed, shared)


def training_identity(training: Training) -> dict[str, object]:
    """Return what of the training settings changes a cell's result; where vLLM runs is said only if it does."""
    return training.model_dump(exclude={"vllm"} if training.vllm is None else None)


def _resolved(source: Source, file: PlanFile) -> Plan:
    problems: list[str] = []
    _found(source.where(("data",)), lambda: use_snapshot(file.data), problems)
    arms = resolve_arms(source, file, problems)
    uses = _suites(source, file, problems)
    watches = _watches(source, file, problems)
    problems += _choice_problems(source, file, uses)
    tuning = resolve_tuning(source, file, arms, [suite for _, suite in uses], problems)
    model = _found(source.where(("model",)), lambda: pin_model(file.model), problems)
    task = _found(source.where(("task",)), lambda: training_task(file.task), problems)
    if task is None or model is None or problems:
        raise PlanError(problems)
    if not any(use.primary for use, _ in uses):
        uses[0] = (uses[0][0].model_copy(update={"primary": True}), uses[0][1])
    plan = Plan(
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
        max_completion_tokens=file.training.max_completion_tokens or task.max_tokens,
        controls=file.controls,
        suites=tuple(uses),
        evaluation=file.evaluation,
        verdicts=file.verdicts,
        compare_at=None if file.compare_at == "last" else file.compare_at.best_on,
        watches=watches,
        limits=file.limits,
        tuning=tuning,
    )
    if problems := budget_problems(plan):
        raise PlanError(problems)
    return with_cells(plan)


def _found(where: str, find: Callable[[], Found], problems: list[str]) -> Found | None:
    try:
        return find()
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return None


def _suites(source: Source, file: PlanFile, problems: list[str]) -> list[tuple[SuiteUse, Suite]]:
    found = []
    for index, use in enumerate(file.suites):
        try:
            found += [spelled_out(use, load_suite(name), file.evaluation) for name in members(use.name)]
        except ValueError as error:
            problems.append(f"{source.where(('suites', index))}: {error}")
    return found


def _choice_problems(source: Source, file: PlanFile, uses: list[tuple[SuiteUse, Suite]]) -> list[str]:
    """Return why checkpoints can't be chosen as the plan says: the suite must be asked at each of them."""
    if file.compare_at == "last":
        return []
    name, every = file.compare_at.best_on, [use.name for use, _ in uses if use.at == "every"]
    if name in every or not uses:
        return []
    found = f"{source.where(('compare_at',))}: the best checkpoint is chosen on a suite that is evaluated at every one"
    return [f"{found}; got {name!r}, such suites of this plan: {', '.join(every) or 'none'}"]


def _watches(source: Source, file: PlanFile, problems: list[str]) -> tuple[Watch, ...]:
    if not file.watch:
        return ()
    from strategies import build_watch
    from strategies.requirements import require_readable

    run = run_settings(file, file.budget)
    found: dict[str, Watch] = {}
    for index, spec in enumerate(file.watch):
        try:
            watch = build_watch(spec)
            watch.check(run)
            require_readable(watch.needs(), run)
            if watch.name in found:
                raise ValueError(f"{watch.name} stands in the list twice; leave one out")
            found[watch.name] = watch
        except ValueError as error:
            problems.append(f"{source.where(('watch', index))}: {error}")
    return tuple(found.values())
