"""Device-hours, worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.ledger.flops import shape_of
from harness.models.load import load_skeleton
from harness.plan.estimate import estimate
from harness.plan.trials import cells_of
from harness.store.atomic import append_line
from harness.store.paths import RunPaths
from harness.store.stages import STAGES
from slurm.arrays import Array, arrays
from slurm.cost import GPU_TFLOPS, assumed_pace, costs, measured_pace
from slurm.requests import Request
from tests.slurm.test_dispatch import SWEEP, plan_in

REQUEST = Request(cpus=2, time_min=60)


def all_of(folder: Path, text: str = SWEEP, request: Request = REQUEST) -> tuple[list[Array], RunPaths]:
    plan, run = plan_in(folder, text)
    return arrays(cells_of(plan), run, dict.fromkeys(STAGES, request), 100), run


def trained(run: RunPaths, cell: str, step_s: float) -> None:
    """Write three steps of 100 tokens, the first a slow one, and an evaluation of 100 answers in 5 s."""
    for step in (1, 2, 3):
        row = {
            "step": step,
            "generated_tokens": 100 * step,
            "flops": 1e9 * step,
            "wall_s": 60.0 if step == 1 else step_s,
        }
        append_line(run.cell(cell).train, row)
    append_line(run.cell(cell).ledger, {"phase": "evaluate", "suite": "sorting", "device_seconds": 5.0})


def test_a_pace_is_measured_without_the_first_step(tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path, SWEEP)
    assert measured_pace(cells_of(plan), run) is None
    trained(run, plan.cells[-1].id, 2.0)
    trained(run, plan.cells[-2].id, 4.0)
    pace = measured_pace(cells_of(plan), run)
    assert pace is not None
    assert (pace.step_s, pace.step_tokens, pace.step_flops) == (3.0, 100.0, 1e9)
    assert pace.sample_s == 5.0 / len(plan.suites[0][1].items)


def test_hours_are_those_of_training_and_of_answers_on_all_devices(tmp_path: Path) -> None:
    plan, run = plan_in(tmp_path, SWEEP.replace("budget: {steps: 1}", "budget: {generated_tokens: 120000}"))
    (array,) = arrays(cells_of(plan), run, dict.fromkeys(STAGES, REQUEST), 100)
    trained(run, plan.cells[-1].id, 3.0)
    pace = measured_pace(cells_of(plan), run)
    (cost,) = costs(plan, [array], lambda _: pace)
    training_s, evaluation_s = 120_000 / 100 * 3.0, 5.0  # one checkpoint, or the base model
    assert cost.hours == pytest.approx(2 * (7 * training_s + 14 * evaluation_s) / 3600), "two cores"
    assert cost.longest_h == pytest.approx((training_s + evaluation_s) / 3600)
    assert (cost.jobs, cost.device, cost.limit_h) == (14, "core", 1.0)


def test_jobs_of_one_stage_cost_what_that_stage_takes(tmp_path: Path) -> None:
    found, run = all_of(tmp_path, f"{SWEEP}evaluation: {{separate: true}}\n")
    plan, _ = plan_in(tmp_path, f"{SWEEP}evaluation: {{separate: true}}\n")
    trained(run, plan.cells[-1].id, 3.0)
    pace = measured_pace(cells_of(plan), run)
    hours = {(cost.stage, cost.jobs): 3600 * cost.hours / 2 / cost.jobs for cost in costs(plan, found, lambda _: pace)}
    assert hours == pytest.approx({("evaluate", 7): 5.0, ("train", 7): 3.0})


@pytest.mark.parametrize("budget", ["{steps: 50}", "{generated_tokens: 5000}", "{flops: 1e15}"])
def test_without_a_measurement_hours_are_flops_at_an_assumed_speed(budget: str, tmp_path: Path) -> None:
    text = SWEEP.replace("{steps: 1}", budget)
    request = Request(gpus=2, time_min=60)
    found, _ = all_of(tmp_path, text, request)
    plan, _ = plan_in(tmp_path, text)
    shape = shape_of(load_skeleton(plan.model.folder))
    (cost,) = costs(plan, found, lambda array: assumed_pace(plan, array.request, shape, 20.0))
    whole = estimate(plan, shape, 20.0)
    assert whole.training_flops is not None
    expected = (whole.training_flops + whole.evaluation_flops) / (1e12 * GPU_TFLOPS * 2)
    assert cost.hours * 3600 / 2 == pytest.approx(expected, rel=1e-6)
