"""`explorebench account`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.errors import explained


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
def account(run_folder: Path) -> None:
    """Ask Slurm what it counted for the jobs of RUN; the report shows it beside our own ledger."""
    from harness.store.paths import RunPaths
    from slurm.accounting import AccountingError
    from slurm.accounting import account as ask

    with explained(AccountingError):
        found = ask(RunPaths(run_folder))
    click.echo(f"{len(found)} jobs; next: explorebench report {run_folder}")
