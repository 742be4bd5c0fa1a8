"""`explorebench queue`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained
from harness.store.paths import RunPaths
from harness.store.status import read_cells

if TYPE_CHECKING:
    from harness.plan.resolve import Plan

INTERRUPTED = 130


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--runs", type=click.Path(file_okay=False, path_type=Path), default="runs", show_default=True)
@click.option("--on", type=click.Choice(["local", "slurm"]), default="local", show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="Local: cells side by side. [default: one a core]")
@click.option("--partition", help="Slurm: where jobs go. [default: the cluster's own]")
@click.option("--timeout-min", type=click.IntRange(min=1), default=240, show_default=True, help="Slurm: for each job.")
@click.option("--retry-failed", is_flag=True, help="Try cells again that have failed.")
def queue(
    plan_file: Path,
    runs: Path,
    on: str,
    workers: int | None,
    partition: str | None,
    timeout_min: int,
    retry_failed: bool,
) -> None:
    """Run what is missing of PLAN; typed again, it goes on where it was.

    Exit code 0 when every cell is done (on Slurm: queued), 1 when some failed, 2 when the plan can't be run, 130 when
    interrupted.
    """
    with explained():
        from harness.plan.resolve import load_plan

        plan = load_plan(plan_file)
    run = RunPaths(runs / plan.name)
    if on == "slurm":
        from slurm.dispatch import Resources, submit

        resources = Resources(timeout_min=timeout_min, partition=partition)
        jobs = submit(plan, run, "slurm", resources, retry_failed=retry_failed)
        click.echo(f"{len(jobs)} jobs queued: {', '.join(job.job_id for job in jobs)}")
        click.echo(f"next: explorebench status {run.root}")
        return
    try:
        _run_here(plan, run, workers, retry_failed)
    except KeyboardInterrupt:
        click.echo(f"\nstopped; nothing is lost. To go on: explorebench queue {plan_file}", err=True)
        sys.exit(INTERRUPTED)
    except OSError as error:
        click.echo(f"error: {run.root} can't be written: {error}; make room or choose another --runs", err=True)
        sys.exit(1)
    sys.exit(_summary(plan, run, retry_failed))


def _run_here(plan: Plan, run: RunPaths, workers: int | None, retry_failed: bool) -> None:
    from harness.runner.display import display
    from harness.runner.local import LocalRunner, cores

    runner = LocalRunner(plan=plan, run=run, workers=workers or cores(), retry_failed=retry_failed)
    with display(run, plan) as tick:
        runner.tick = tick
        runner.go()
        tick()
    for line in runner.unwritten:
        click.echo(line, err=True)


def _summary(plan: Plan, run: RunPaths, retry_failed: bool) -> int:
    """Print how the cells stand, and return the exit code."""
    from harness.runner.prepare import need_of

    statuses = read_cells(run)
    needs = {cell.id: need_of(plan, cell, run, retry_failed=False) for cell in plan.cells}
    bad = [status for status in statuses if needs[status.id] != "done"]
    for status in bad:
        state = "records are missing" if status.state == "done" else status.state
        click.echo(f"{status.id}: {state}: {status.cause or 'another runner has it'}", err=True)
    if any(status.state == "failed" for status in bad) and not retry_failed:
        click.echo("failed cells stay as they are; to try them again: --retry-failed", err=True)
    click.echo(f"{len(statuses) - len(bad)} of {len(statuses)} cells done. Next: explorebench report {run.root}")
    return 1 if bad else 0
