"""What `queue --on slurm --dry-run` prints: jobs, cost, limits, and where the scripts are."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.plan.resolve import Plan
    from harness.runner.pace import Pace
    from slurm.arrays import Array
    from slurm.cost import Cost
    from slurm.dispatch import Dispatcher, Needs
    from slurm.requests import Request

LATER = "NUMBER"
"""Stands in a script for the number of an array that is sent before."""


def show(plan: Plan, dispatcher: Dispatcher) -> None:
    """Print what would be sent for a plan, and write the scripts; nothing is sent.

    Raises:
        SlurmError: If Slurm can't be asked what is queued.
        StoreError: If the run's folder can't be written.
    """
    from slurm.dispatch import require_writable

    require_writable(dispatcher.run)
    needs = dispatcher.needs(plan)
    scripts = _write_scripts(needs, dispatcher)
    arrays = f"{len(needs.arrays)} array{'' if len(needs.arrays) == 1 else 's'}"
    click.echo(f"{needs.plan.name}: {needs.jobs} jobs in {arrays}; nothing is sent")
    for array in needs.arrays:
        click.echo(f"  {len(array.jobs):>5} x {array.stage:<8}  {describe(array.request)}")
    if needs.queued.cells:
        click.echo(f"  {len(needs.queued.cells)} cells are in the queue already")
    if needs.left_out:
        click.echo(f"  {needs.left_out} cells would be left out for now: no room in the queue")
    if needs.arrays:
        _print_cost(needs, dispatcher)
        _print_limits(needs, dispatcher)
    for script in scripts:
        click.echo(f"script: {script}")


def describe(request: Request) -> str:
    """Say in one line what a job asks for."""
    gpus = f", {request.gpus} {request.gpu_type or 'GPU'}{'s' if request.gpus > 1 else ''}" if request.gpus else ""
    nodes = f" on each of {request.nodes} nodes" if request.nodes > 1 else ""
    where = [request.partition or "default partition", *([f"qos {request.qos}"] if request.qos else [])]
    return (
        f"{request.cpus_per_node} cores, {request.memory_gib:g} GiB{gpus}{nodes}, {request.time_min} min, "
        f"{', '.join(where)}, {request.at_once} at once"
    )


def _write_scripts(needs: Needs, dispatcher: Dispatcher) -> list[Path]:
    from slurm.code import code_files, code_root, files_sha256
    from slurm.dispatch import dependency
    from slurm.executor import make_executor, script

    folder = dispatcher.run.dry_run
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root = code_root()
    code = dispatcher.run.code(files_sha256(root, list(code_files(root)))).absolute()
    written = []
    for number, array in enumerate(needs.arrays):
        after = None if array.after is None else dependency(f"{LATER}{array.after}", len(array.jobs))
        executor = make_executor("slurm", array.request, dispatcher.batch(needs.plan, array, code, after))
        path = folder / f"{number}-{array.stage}.sh"
        path.write_text(script(executor, len(array.jobs)), encoding="utf-8")
        written.append(path)
    return written


def _print_cost(needs: Needs, dispatcher: Dispatcher) -> None:
    from harness.plan.trials import cells_of, trials_of
    from slurm.cost import CORE_TFLOPS, GPU_TFLOPS, costs, measured_pace

    plan, run = needs.plan, dispatcher.run
    measured = measured_pace([*cells_of(plan), *trials_of(plan)], run)
    if measured is not None:
        found = costs(plan, needs.arrays, lambda _: measured)
        basis = f"measured in this run: {measured.step_s:.2f} s a step, {1000 * measured.sample_s:.1f} ms an answer"
    else:
        found = costs(plan, needs.arrays, _assumed(plan))
        basis = (
            f"assumed, not measured: {GPU_TFLOPS:g} TFLOP/s a GPU or {CORE_TFLOPS:g} a core, every answer at its cap; "
            "once a cell has trained, its steps are taken"
        )
    click.echo(f"cost ({basis})")
    if not found:
        click.echo("  unknown: the budget says nothing about time before it has run")
    for cost in found:
        click.echo(
            f"  {cost.stage:<8}  {cost.hours:,.3g} {cost.device}-hours in {cost.jobs} jobs, "
            f"the longest about {cost.longest_h:,.3g} h{_in_turns(cost)}"
        )
    caps = sum(len(array.jobs) * array.request.devices * array.request.time_min / 60 for array in needs.arrays)
    click.echo(f"  if each job ran to its time limit once: {caps:,.0f} device-hours")


def _in_turns(cost: Cost) -> str:
    """Say how often the longest job starts anew at its time limit."""
    starts = math.ceil(cost.longest_h / cost.limit_h)
    return f": started {starts} times, at most {cost.limit_h:,.3g} h each" if starts > 1 else ""


def _assumed(plan: Plan) -> Callable[[Array], Pace | None]:
    from harness.cli.check import mean_prompt
    from harness.ledger.flops import shape_of
    from harness.models.load import load_skeleton, load_tokenizer
    from slurm.cost import assumed_pace
    from suites import training_task

    shape = shape_of(load_skeleton(plan.model.folder))
    prompt = mean_prompt(training_task(plan.task), load_tokenizer(plan.model.folder))

    def pace(array: Array) -> Pace | None:
        return assumed_pace(plan, array.request, shape, prompt)

    return pace


def _print_limits(needs: Needs, dispatcher: Dispatcher) -> None:
    hit = list(dispatcher.limits.hit(needs.jobs, needs.queued.jobs))
    click.echo(f"limits: {'; '.join(hit) if hit else 'none is hit'}")
