"""`explorebench logs`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.errors import explained


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("cell")
@click.option("--attempt", type=click.IntRange(min=1), help="Which start of the cell. [default: the last]")
@click.option("--lines", type=click.IntRange(min=1), default=40, show_default=True, help="From the end of each file.")
@click.option("--follow", is_flag=True, help="Go on printing what is written, until the attempt ends.")
@click.option("--path", "only_path", is_flag=True, help="Print only where the files are.")
def logs(run_folder: Path, cell: str, attempt: int | None, lines: int, *, follow: bool, only_path: bool) -> None:
    """Print the end of what the process of CELL of RUN printed; CELL is an id, or the beginning of one."""
    from harness.cli.chosen import chosen
    from harness.runner.logs import followed, last_lines, log_files
    from harness.store.paths import RunPaths
    from harness.store.status import read_cells, read_trials
    from slurm.submitted import read_submitted

    with explained():
        run = RunPaths(run_folder)
        (one,) = chosen([*read_trials(run), *read_cells(run)], cell, None)
        sent = [job.name for job in read_submitted(run) if job.cell == one.id]
        files = log_files(run, one.id, attempt, sent)
    if only_path:
        click.echo("\n".join(map(str, files)))
        return
    for file in files:
        click.echo(f"==> {file} <==")
        for line in last_lines(file, lines):
            click.echo(line)
    if follow:
        try:
            for line in followed(run.cell(one.id), files):
                click.echo(line)
        except KeyboardInterrupt:
            click.echo("no longer following; the attempt goes on")
