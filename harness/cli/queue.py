"""`explorebench queue`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained
from harness.store.paths import RunPaths
from harness.store.status import read_cells, read_trials, require_same_format

if TYPE_CHECKING:
    from harness.plan.resolve import Plan

INTERRUPTED = 130


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--runs", type=click.Path(file_okay=False, path_type=Path), default="runs", show_default=True)
@click.option("--on", type=click.Choice(["local", "slurm"]), default="local", show_default=True)
@click.option("--retry-failed", is_flag=True, help="Try cells again that have failed.")
@click.option("--workers", type=click.IntRange(min=1), help="Local: cells side by side. [default: one a core]")
@click.option("--profile", type=click.Path(path_type=Path), help="Slurm: what jobs ask for. [default: cluster.yaml]")
@click.option("--partition", help="Slurm: where jobs go, whatever the profile says.")
@click.option("--timeout-min", type=click.IntRange(min=1), help="Slurm: for each job, whatever the profile says.")
@click.option("--dry-run", is_flag=True, help="Slurm: say what would be sent, and write the scripts.")
@click.option("--preflight/--no-preflight", default=True, help="Slurm: try a node out first.  [default: preflight]")
def queue(
    plan_file: Path,
    runs: Path,
    on: str,
    retry_failed: bool,
    workers: int | None,
    profile: Path | None,
    partition: str | None,
    timeout_min: int | None,
    dry_run: bool,
    preflight: bool,
) -> None:
    """Run what is missing of PLAN; typed again, it goes on where it was.

    Exit code 0 when every cell is done (on Slurm: queued), 1 when some failed or nothing could be sent, 2 when the plan
    can't be run, 130 when interrupted.
    """
    if on == "local" and (profile or partition or timeout_min or dry_run):
        raise click.UsageError("--profile, --partition, --timeout-min and --dry-run are for --on slurm")
    with explained():
        from harness.plan.resolve import load_plan

        plan = load_plan(plan_file)
    run = RunPaths(runs / plan.name)
    with explained():
        require_same_format(run)
        if on == "slurm":
            from harness.cli.submission import Wishes, send

            wishes = Wishes(
                plan_file=plan_file,
                profile=profile,
                overrides={"partition": partition, "time": timeout_min},
                retry_failed=retry_failed,
                dry_run=dry_run,
                preflight=preflight,
            )
            sys.exit(send(plan, run, wishes))
        code = _here(plan_file, plan, run, workers, retry_failed)
    sys.exit(code)


def _here(plan_file: Path, plan: Plan, run: RunPaths, workers: int | None, retry_failed: bool) -> int:
    """Run the plan on this machine, say how it went, and return the exit code."""
    if plan.training.vllm is not None:
        from harness.training.vllm import require_vllm

        with explained(ValueError):
            require_vllm()
    try:
        plan = _run_here(plan, run, workers, retry_failed)
    except KeyboardInterrupt:
        click.echo(f"\nstopped; nothing is lost. To go on: explorebench queue {plan_file}", err=True)
        return INTERRUPTED
    except OSError as error:
        click.echo(f"error: {run.root} can't be written: {error}; make room or choose another --runs", err=True)
        return 1
    return _summary(plan, run, retry_failed)


def _run_here(plan: Plan, run: RunPaths, workers: int | None, retry_failed: bool) -> Plan:
    """Run the plan on this machine, and return it with the parameters that its trials have chosen."""
    from harness.cores import cores
    from harness.runner.display import display
    from harness.runner.local import LocalRunner

    runner = LocalRunner(plan=plan, run=run, workers=workers or cores(), retry_failed=retry_failed)
    with display(run, plan) as tick:
        runner.tick = tick
        runner.go()
        tick()
    for line in runner.unwritten:
        click.echo(line, err=True)
    return runner.plan


def _summary(plan: Plan, run: RunPaths, retry_failed: bool) -> int:
    """Print how the cells stand, and return the exit code."""
    from harness.plan.trials import cells_of, trials_of
    from harness.runner.prepare import need_of
    from harness.tuning.waiting import waiting_lines

    planned = [*trials_of(plan), *cells_of(plan)]
    needs = {one.cell.id: need_of(*one, run, retry_failed=False) for one in planned}
    trials, cells = read_trials(run), read_cells(run)
    bad = [status for status in (*trials, *cells) if needs[status.id] != "done"]
    for status in bad:
        state = "records are missing" if status.state == "done" else status.state
        if status.state == "cancelled":
            click.echo(f"{status.id}: cancelled; to go on with it: explorebench resume {run.root}", err=True)
            continue
        click.echo(f"{status.id}: {state}: {status.cause or 'another runner has it'}", err=True)
    if any(status.state == "failed" for status in bad) and not retry_failed:
        click.echo("failed cells stay as they are; to try them again: --retry-failed", err=True)
    waiting = waiting_lines(plan, run)
    for line in waiting:
        click.echo(line, err=True)
    all_cells = len(cells) + len(plan.seeds) * len(waiting)
    parts = [(trials, len(trials), "trials"), (cells, all_cells, "cells")]
    done = [
        f"{sum(needs[status.id] == 'done' for status in found)} of {total} {noun}"
        for found, total, noun in parts
        if total
    ]
    click.echo(f"{' and '.join(done)} done. Next: explorebench report {run.root}")
    return 1 if bad or waiting else 0
