"""`explorebench report`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.errors import explained


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--site", type=click.Path(file_okay=False, path_type=Path), default="site", show_default=True)
def report(run_folder: Path, site: Path) -> None:
    """Write the page and the leaderboard of RUN (such as runs/tiny)."""
    from reports import ReportError, write_report

    with explained(ReportError):
        folder = write_report(run_folder, site)
    click.echo(f"wrote {folder / 'index.html'} and {folder / 'leaderboard.md'}")
