"""`explorebench retry`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.chosen import choosing, going_on
from harness.cli.errors import explained


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--failed", is_flag=True, help="All that failed; needed where neither --cell nor --arm chooses.")
@choosing
@going_on
def retry(run_folder: Path, cell: str | None, arm: str | None, on: str | None, *, failed: bool) -> None:
    """Try failed cells of RUN again, and queue what is missing; their attempts and hours are counted anew."""
    if not (failed or cell or arm):
        raise click.UsageError("say which cells: --failed for all that failed, or --cell or --arm")
    from harness.cli.chosen import chosen, go_on
    from harness.store.paths import RunPaths
    from harness.store.status import read_cells, read_trials
    from harness.store.wishes import Wish, write_wish

    with explained():
        run = RunPaths(run_folder)
        cells = chosen([*read_trials(run), *read_cells(run)], cell, arm)
        again = [one for one in cells if one.state == "failed"]
        for one in again:
            write_wish(run.cell(one.id), Wish("retry", one.attempts))
        click.echo(f"{len(again)} of {len(cells)} cells have failed and are tried again")
        if again:
            go_on(run, on)
