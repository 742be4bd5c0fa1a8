"""`explorebench report`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.errors import explained


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--site", type=click.Path(file_okay=False, path_type=Path), default="site", show_default=True)
@click.option(
    "--unit",
    type=click.Choice(["generated_tokens", "flops", "device_seconds", "steps"]),
    help="Compare the arms where all have used as much of this. [default: where the plan says]",
)
@click.option(
    "--amount", type=click.FloatRange(min=0, min_open=True), help="How much. [default: the most all have used]"
)
@click.option("--partial", is_flag=True, help="Report a run that isn't finished; the report is marked as partial.")
def report(run_folder: Path, site: Path, unit: str | None, amount: float | None, *, partial: bool) -> None:
    """Write the page and the leaderboard of RUN (such as runs/tiny)."""
    from harness.store.paths import RunPaths
    from reports import ReportError, write_report
    from slurm.accounting import collect

    if amount is not None and unit is None:
        raise click.UsageError("--amount needs --unit, in which it is")

    with explained(ReportError):
        collect(RunPaths(run_folder))
        paths = write_report(run_folder, site, unit=unit, amount=amount, partial=partial)
    click.echo(f"wrote {paths.page} and {paths.leaderboard}")
