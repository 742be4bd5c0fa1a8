"""`explorebench resume`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.chosen import choosing, going_on
from harness.cli.errors import explained


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@choosing
@going_on
def resume(run_folder: Path, cell: str | None, arm: str | None, on: str | None) -> None:
    """Let cells of RUN that were cancelled go on, and queue what is missing."""
    from harness.cli.chosen import chosen, go_on
    from harness.store.paths import RunPaths
    from harness.store.status import read_cells, read_trials
    from harness.store.wishes import is_to_rest, write_wish

    with explained():
        run = RunPaths(run_folder)
        cells = chosen([*read_trials(run), *read_cells(run)], cell, arm)
        resting = [one for one in cells if is_to_rest(run.cell(one.id))]
        for one in resting:
            write_wish(run.cell(one.id), None)
        click.echo(f"{len(resting)} cells that were cancelled go on")
        go_on(run, on)
