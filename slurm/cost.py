"""What jobs will cost in device-hours: by the pace that the run has shown, or by FLOPs at a speed that is assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.evaluation.todo import expected
from harness.plan.estimate import estimate
from harness.plan.resolve import Plan
from harness.plan.trials import PlannedCell, cells_of, trials_of
from harness.runner.pace import Pace
from harness.runner.prepare import ranks_of
from harness.store.atomic import read_lines
from harness.store.paths import CellPaths, RunPaths
from harness.store.stages import Stage
from slurm.arrays import Array
from slurm.requests import Request

if TYPE_CHECKING:
    from harness.ledger.flops import ModelShape

GPU_TFLOPS, CORE_TFLOPS = 50.0, 0.002
"""Sustained over sampling, training and waiting: guesses that give the order of magnitude. The embedded model takes 1.4
GFLOP/s from a core; a large model on a GPU depends on what generates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of one array."""

    stage: Stage
    jobs: int
    device: str
    hours: float
    """Device-hours."""
    longest_h: float
    """Hours of the longest job; at its time limit it starts anew and goes on."""
    limit_h: float


def measured_pace(planned: Iterable[PlannedCell], run: RunPaths) -> Pace | None:
    """Return the pace of those cells that have trained; None if none has. The first step of each warms up."""
    steps: list[float] = []
    spent, evaluated = [], []
    for plan, cell in planned:
        paths = run.cell(cell.id)
        lines = read_lines(paths.train)
        if len(lines) > 1:
            steps += [float(line["wall_s"]) for line in lines[1:]]
            spent.append((lines[-1]["step"], lines[-1]["generated_tokens"], lines[-1]["flops"]))
        ranks = ranks_of(run, cell) or 1  # all of them are held while one evaluates
        evaluated += [(answers, seconds / ranks) for answers, seconds in _evaluations(plan, paths)]
    if not steps:
        return None
    taken, tokens, flops = (sum(column) for column in zip(*spent, strict=True))
    answers = sum(count for count, _ in evaluated)
    return Pace(
        step_s=sum(steps) / len(steps),
        step_tokens=tokens / taken,
        step_flops=flops / taken,
        sample_s=sum(seconds for _, seconds in evaluated) / answers if answers else 0.0,
    )


def assumed_pace(plan: Plan, request: Request, shape: ModelShape, prompt_tokens: float) -> Pace | None:
    """Return the pace at a speed that is assumed; None where the budget says nothing about FLOPs.

    Args:
        plan: The plan.
        request: What a job has.
        shape: Of the plan's model.
        prompt_tokens: Mean length of a training prompt.
    """
    whole = estimate(plan, shape, prompt_tokens)
    flops_per_s = 1e12 * (GPU_TFLOPS if request.gpus else CORE_TFLOPS) * request.devices
    sample_s = whole.evaluation_flops / max(whole.evaluation_samples, 1) / flops_per_s
    if plan.budget.unit == "device_seconds":
        return Pace(step_s=1.0 / request.devices, step_tokens=1.0, step_flops=1.0, sample_s=sample_s)
    if whole.training_flops is None or not whole.trained_cells:
        return None
    per_unit = whole.training_flops / whole.trained_cells / plan.budget.amount
    return Pace(step_s=per_unit / flops_per_s, step_tokens=1.0, step_flops=1.0, sample_s=sample_s)


def costs(plan: Plan, found: Sequence[Array], pace: Callable[[Array], Pace | None]) -> list[Cost]:
    """Return the cost of arrays, given the pace of each; one without a pace is left out."""
    planned = {one.cell.id: one for one in (*trials_of(plan), *cells_of(plan))}
    made = []
    for array in found:
        theirs = pace(array)
        if theirs is None:
            continue
        seconds = [_seconds(planned[job.cell_id], array.stage, theirs) for job in array.jobs]
        made.append(
            Cost(
                stage=array.stage,
                jobs=len(array.jobs),
                device=array.request.device,
                hours=sum(seconds) * array.request.devices / 3600,
                longest_h=max(seconds) / 3600,
                limit_h=array.request.time_min / 60,
            )
        )
    return made


def _seconds(one: PlannedCell, stage: Stage, pace: Pace) -> float:
    plan, cell = one
    samples = sum(len(todo.suite.items) * todo.suite.samples for todo in expected(plan, cell))
    trained = plan.arm(cell.arm).strategy is not None and stage != "evaluate"
    return (pace.cell_s(plan, 0) if trained else 0.0) + (samples * pace.sample_s if stage != "train" else 0.0)


def _evaluations(plan: Plan, paths: CellPaths) -> list[tuple[int, float]]:
    """Return the answers and the seconds of each evaluation in a cell's ledger."""
    answers = {suite.name: len(suite.items) * suite.samples for _, suite in plan.suites}
    uses = [use for use in read_lines(paths.ledger) if use["phase"] == "evaluate" and use["suite"] in answers]
    return [(answers[use["suite"]], float(use["device_seconds"])) for use in uses]
