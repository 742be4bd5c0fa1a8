"""`explorebench cancel`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.chosen import choosing
from harness.cli.errors import explained


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@choosing
def cancel(run_folder: Path, cell: str | None, arm: str | None) -> None:
    """Let cells of RUN rest: what runs of them stops at its next step and keeps what it has, what waits doesn't start.

    On Slurm, the jobs of these cells are cancelled, and no others.
    """
    from harness.cli.chosen import chosen
    from harness.store.paths import RunPaths
    from harness.store.status import read_cells, read_trials
    from harness.store.wishes import Wish, write_wish
    from slurm.cancelling import cancel_jobs
    from slurm.commands import SlurmError

    with explained():
        run = RunPaths(run_folder)
        cells = chosen([*read_trials(run), *read_cells(run)], cell, arm)
    open_ = [one for one in cells if one.state not in ("done", "failed", "cancelled")]
    for one in open_:
        write_wish(run.cell(one.id), Wish("rest", one.attempts))
    running = sum(one.state == "running" for one in open_)
    click.echo(f"{len(open_)} of {len(cells)} cells are to rest; {running} of them run and stop at their next step")
    try:
        jobs = cancel_jobs(run, open_)
    except SlurmError as error:
        click.echo(
            f"note: their jobs can't be cancelled: {error}; the ones that start find that they are to rest", err=True
        )
    else:
        if jobs:
            click.echo(f"{len(jobs)} jobs cancelled: {', '.join(jobs)}")
    click.echo(f"to go on with them: explorebench resume {run_folder}")
