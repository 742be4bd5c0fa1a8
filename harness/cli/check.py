"""`explorebench check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained
from harness.cli.power import power_lines

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from harness.plan.arms import Arm
    from harness.plan.estimate import Estimate
    from harness.plan.resolve import Plan
    from harness.plan.schema import Budget
    from suites.contract import TrainingTask

LOOKED_AT = 2_000
"""Training problems that are drawn to look for items of the suites among them."""


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--measure", is_flag=True, help="Train a few steps to estimate the time it takes on this machine.")
@click.option("--workers", type=click.IntRange(min=1), help="Cells side by side. [default: one a core]")
def check(plan_file: Path, measure: bool, workers: int | None) -> None:
    """Validate PLAN; list its cells, its cost, and the smallest difference it can detect."""
    with explained():
        from harness.plan.resolve import load_plan

        plan = load_plan(plan_file)
    _require_fit(plan)
    _warn_of_leaks(plan)
    _print_cells(plan)
    _print_cost(plan)
    if measure:
        with explained(RuntimeError):
            _print_time(plan, workers)
    else:
        click.echo("  time: not measured; --measure trains a few steps to find out")
    for line in power_lines(plan, {}):
        click.echo(line)
    if plan.compare_at in [use.name for use, _ in plan.suites if use.primary]:
        click.echo(
            f"caution: checkpoints are picked on {plan.compare_at}, on which arms are compared too: every row is marked"
        )


def _require_fit(plan: Plan) -> None:
    """Refuse a plan with a suite that its model can't be put, with the item."""
    from harness.evaluation.errors import UnfitSuiteError
    from harness.evaluation.questions import questions_of, require_room
    from harness.models.load import load_skeleton, load_tokenizer

    tokenizer = load_tokenizer(plan.model.folder)
    room = getattr(load_skeleton(plan.model.folder).config, "max_position_embeddings", None)
    for index, (_, suite) in enumerate(plan.suites):
        with explained(UnfitSuiteError):
            try:
                require_room(suite, questions_of(suite, tokenizer), room)
            except UnfitSuiteError as error:
                where = plan.source.where(("suites", min(index, len(plan.source.data["suites"]) - 1)))
                raise UnfitSuiteError(suite.name, f"{error.cause} ({where})") from error


def _warn_of_leaks(plan: Plan) -> None:
    """Say which items of a suite are among the problems that are trained on, out of a sample of these."""
    from harness.evaluation.quality import leaks
    from suites import training_task

    for _, suite in plan.suites:
        found = list(leaks(suite, training_task(plan.task), LOOKED_AT))
        if found:
            items = ", ".join(str(finding.item) for finding in found[:3])
            click.echo(
                f"caution: {len(found)} items of {suite.name} are among {LOOKED_AT:,} problems drawn from {plan.task}, "
                f"such as {items}: its score says little about other problems"
            )


def _print_cells(plan: Plan) -> None:
    from harness.plan.trials import assumed, trials_of

    trials = trials_of(plan)
    arms = len(assumed(plan).arms)
    after = f", after {len(trials)} trials" if trials else ""
    click.echo(f"{plan.name}: {arms} arms x {len(plan.seeds)} seeds = {arms * len(plan.seeds)} cells{after}")
    for _, cell in trials:
        click.echo(f"  {cell.id:<48} trial of {cell.arm}, seed {cell.seed}")
    for cell in plan.cells:
        click.echo(f"  {cell.id:<48} {cell.arm}, seed {cell.seed}{_mark(plan, plan.arm(cell.arm))}")
    for arm in plan.arms:
        if arm.waiting:
            controls = " and its controls" if plan.controls else ""
            what = f"{arm.name}{controls}, {len(plan.seeds)} seeds{_mark(plan, arm)}"
            click.echo(f"  {'(known when its trials are over)':<48} {what}")
    if trials and not plan.arm(plan.baseline).points:
        click.echo(
            f"caution: arms are tuned, but the baseline {plan.baseline} is not; learning_rate may be in its grid"
        )


def _mark(plan: Plan, arm: Arm) -> str:
    if arm.name == plan.baseline:
        return " (baseline)"
    return f" (control of {', '.join(arm.control_of)})" if arm.control_of else ""


def _print_cost(plan: Plan) -> None:
    from harness.ledger.flops import shape_of
    from harness.models.load import load_skeleton, load_tokenizer
    from harness.plan.estimate import estimate, estimate_trials
    from suites import training_task

    shape = shape_of(load_skeleton(plan.model.folder))
    prompt = mean_prompt(training_task(plan.task), load_tokenizer(plan.model.folder))
    cost = estimate(plan, shape, prompt)
    click.echo(f"\ncost\n  training: {cost.trained_cells} cells of {_amount(plan.budget)}")
    _print_amounts(cost)
    trials = estimate_trials(plan, shape, prompt)
    if trials is not None and plan.tuning is not None:
        tuned = [arm.name for arm in plan.arms if arm.points]
        click.echo(
            f"cost of tuning, beside that\n  training: {trials.trained_cells} trials, "
            f"{_amount(plan.tuning.budget)} for each of {', '.join(tuned)}"
        )
        _print_amounts(trials)


def _amount(budget: Budget) -> str:
    return f"{budget.amount:,.0f} {budget.unit.replace('_', ' ')}"


def _print_amounts(cost: Estimate) -> None:
    click.echo(f"  generated tokens: {_at_most(cost.generated_tokens)}; FLOPs: {_at_most(cost.training_flops)}")
    click.echo(
        f"  evaluation: {cost.evaluation_samples:,} answers, at most {cost.evaluation_tokens:,} tokens "
        f"and {cost.evaluation_flops:.2g} FLOPs"
    )


def mean_prompt(task: TrainingTask, tokenizer: PreTrainedTokenizerFast) -> float:
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
    from harness.cores import cores, fair_share
    from harness.evaluation.todo import expected
    from harness.plan.trials import assumed, cells_of, trials_of
    from harness.runner.pace import measure_pace

    planned = [*trials_of(plan), *cells_of(assumed(plan))]
    side_by_side = min(workers or cores(), len(planned))
    pace = measure_pace(plan, fair_share(side_by_side))
    seconds = 0.0
    for theirs, cell in planned:
        samples = sum(len(todo.suite.items) * todo.suite.samples for todo in expected(theirs, cell))
        trained = theirs.arm(cell.arm).strategy is not None
        seconds += pace.cell_s(theirs, samples) if trained else samples * pace.sample_s
    minutes = seconds / side_by_side / 60
    click.echo(
        f"  time: about {minutes:.1f} minutes with {side_by_side} cells side by side "
        f"({pace.step_s:.2f} s a step, {1000 * pace.sample_s:.1f} ms an evaluated answer)"
    )
