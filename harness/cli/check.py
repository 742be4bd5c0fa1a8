"""`explorebench check`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from harness.plan.resolve import Plan
    from suites.contract import TrainingTask

POINTS = (1, 2, 3)


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--measure", is_flag=True, help="Train a few steps to estimate the time it takes on this machine.")
@click.option("--workers", type=click.IntRange(min=1), help="Cells side by side. [default: one a core]")
def check(plan_file: Path, measure: bool, workers: int | None) -> None:
    """Validate PLAN; list its cells, its cost, and the smallest difference it can detect."""
    with explained():
        from harness.plan.resolve import load_plan

        plan = load_plan(plan_file)
    _print_cells(plan)
    _print_cost(plan)
    if measure:
        with explained(RuntimeError):
            _print_time(plan, workers)
    else:
        click.echo("  time: not measured; --measure trains a few steps to find out")
    _print_power(plan)


def _print_cells(plan: Plan) -> None:
    click.echo(f"{plan.name}: {len(plan.arms)} arms x {len(plan.seeds)} seeds = {len(plan.cells)} cells")
    for cell in plan.cells:
        mark = " (baseline)" if cell.arm == plan.baseline else ""
        click.echo(f"  {cell.id:<48} {cell.arm}, seed {cell.seed}{mark}")


def _print_cost(plan: Plan) -> None:
    from harness.ledger.flops import shape_of
    from harness.models.load import load_skeleton, load_tokenizer
    from harness.plan.estimate import estimate
    from suites import training_task

    shape = shape_of(load_skeleton(plan.model.folder))
    prompt = _mean_prompt(training_task(plan.task), load_tokenizer(plan.model.folder))
    cost = estimate(plan, shape, prompt)
    amount = f"{plan.budget.amount:,.0f} {plan.budget.unit.replace('_', ' ')}"
    click.echo(f"\ncost\n  training: {cost.trained_cells} cells of {amount}")
    click.echo(f"  generated tokens: {_at_most(cost.generated_tokens)}; FLOPs: {_at_most(cost.training_flops)}")
    click.echo(
        f"  evaluation: {cost.evaluation_samples:,} answers, at most {cost.evaluation_tokens:,} tokens "
        f"and {cost.evaluation_flops:.2g} FLOPs"
    )


def _mean_prompt(task: TrainingTask, tokenizer: PreTrainedTokenizerFast) -> float:
    """Return the mean length of a training prompt in tokens."""
    import random

    source = random.Random(0)
    lengths = [len(tokenizer(task.sample(source).prompt)["input_ids"]) for _ in range(32)]
    return sum(lengths) / len(lengths)


def _at_most(amount: float | None) -> str:
    if amount is None:
        return "unknown before it runs"
    return f"at most {amount:,.0f}" if amount < 1e9 else f"about {amount:.2g}"


def _print_time(plan: Plan, workers: int | None) -> None:
    from harness.evaluation.todo import expected
    from harness.runner.local import cores
    from harness.runner.pace import measure_pace

    side_by_side = min(workers or cores(), len(plan.cells))
    pace = measure_pace(plan, max(1, cores() // side_by_side))
    seconds = 0.0
    for cell in plan.cells:
        samples = sum(len(todo.suite.items) * todo.settings.samples for todo in expected(plan, cell))
        trained = plan.arm(cell.arm).strategy is not None
        seconds += pace.cell_s(plan, samples) if trained else samples * pace.sample_s
    minutes = seconds / side_by_side / 60
    click.echo(
        f"  time: about {minutes:.1f} minutes with {side_by_side} cells side by side "
        f"({pace.step_s:.2f} s a step, {1000 * pace.sample_s:.1f} ms an evaluated answer)"
    )


def _print_power(plan: Plan) -> None:
    seeds = len(plan.seeds)
    if seeds < 2:
        click.echo("\nno difference can be detected: one seed gives no interval")
        return
    click.echo(f"\nsmallest difference between two arms that {seeds} seeds detect (80% power, 5% level), in points")
    click.echo(f"  {'suite':<26} on these items   seeds for 1, 2, 3 points   on items like these")
    for use, suite in plan.suites:
        mark = " (primary)" if use.primary else ""
        click.echo(f"  {use.name + mark:<26} {_power_line(seeds, len(suite.items), use.samples)}")
    click.echo("  assuming a seed sd of 1 point and the variances of Miller 2024; a pilot's own are better")


def _power_line(seeds: int, items: int, samples: int) -> str:
    from reports.statistics import DEFAULT_VARIANCES, detectable_difference, seeds_to_detect

    fixed = replace(DEFAULT_VARIANCES, between_items=0.0)
    these, like_these = (
        100 * detectable_difference(seeds, items, samples, variances, degrees_of_freedom=seeds - 1)
        for variances in (fixed, DEFAULT_VARIANCES)
    )
    needed = ", ".join(f"{seeds_to_detect(points / 100, items, samples, fixed):.0f}" for points in POINTS)
    return f"{these:14.1f}   {needed:>24}   {like_these:19.1f}"
