"""`explorebench queue`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.errors import explained

INTERRUPTED = 130


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--runs", type=click.Path(file_okay=False, path_type=Path), default="runs", show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="Cells side by side. [default: one a core]")
@click.option("--retry-failed", is_flag=True, help="Try cells again that have failed.")
def queue(plan_file: Path, runs: Path, workers: int | None, retry_failed: bool) -> None:
    """Run what is missing of PLAN on this machine; typed again, it goes on where it was.

    Exit code 0 when every cell is done, 1 when some failed, 2 when the plan can't be run, 130 when interrupted.
    """
    with explained():
        from harness.plan.resolve import load_plan

        plan = load_plan(plan_file)
    from harness.runner.display import display
    from harness.runner.local import LocalRunner, cores
    from harness.store.paths import RunPaths
    from harness.store.status import read_cells

    run = RunPaths(runs / plan.name)
    runner = LocalRunner(plan=plan, run=run, workers=workers or cores(), retry_failed=retry_failed)
    try:
        with display(run, plan) as tick:
            runner.tick = tick
            runner.go()
    except KeyboardInterrupt:
        click.echo(f"\nstopped; nothing is lost. To go on: explorebench queue {plan_file}", err=True)
        sys.exit(INTERRUPTED)
    statuses = read_cells(run)
    bad = [status for status in statuses if status.state != "done"]
    for status in bad:
        click.echo(f"{status.id}: {status.state}: {status.cause or 'another runner has it'}", err=True)
    if any(status.state == "failed" for status in bad) and not retry_failed:
        click.echo("failed cells stay as they are; to try them again: --retry-failed", err=True)
    click.echo(f"{len(statuses) - len(bad)} of {len(statuses)} cells done. Next: explorebench report {run.root}")
    sys.exit(1 if bad else 0)
