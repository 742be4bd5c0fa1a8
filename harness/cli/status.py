"""`explorebench status`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from harness.cli.errors import explained


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def status(run_folder: Path, as_json: bool) -> None:
    """Show where each cell of RUN (such as runs/tiny) stands, trials first, as its files and then Slurm say."""
    from harness.store.paths import RunPaths
    from slurm.states import read_states

    with explained():
        statuses, notes = read_states(RunPaths(run_folder))
    for note in notes:
        click.echo(f"note: {note}", err=True)
    if as_json:
        click.echo(json.dumps([{**asdict(one), "words": one.words} for one in statuses], indent=2))
        return
    from rich.console import Console

    from harness.runner.display import plain_line, status_table

    console = Console()
    if console.is_terminal:
        console.print(status_table(statuses, str(run_folder)))
    else:
        click.echo("\n".join(plain_line(one) for one in statuses))
    for one in statuses:
        for note in one.notes:
            click.echo(f"{one.id}: {note}")
