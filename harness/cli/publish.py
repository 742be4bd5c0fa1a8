"""`explorebench publish`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.errors import explained


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--to", "site", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the site."
)
@click.option("--replace", is_flag=True, help="Take the place of the newest version of the same plan.")
@click.option("--partial", is_flag=True, help="Publish runs that aren't finished, marked as partial.")
@click.option("--check", is_flag=True, help="Fail (exit code 1) if a link of the site leads nowhere.")
def publish(runs: tuple[Path, ...], site: Path, *, replace: bool, partial: bool, check: bool) -> None:
    """Add each RUN to a site: an index, a page per run and per strategy, ready to be served or committed."""
    from datetime import UTC, datetime

    from reports import ReportError
    from reports.publish import broken_links
    from reports.publish import publish as add

    if not runs and not check:
        raise click.UsageError("give a RUN to publish, such as runs/tiny, or --check to look at the links")
    with explained(ReportError, OSError):
        if runs:
            for one in add(runs, site, now=datetime.now(UTC), replace=replace, partial=partial):
                said = "published" if one.new else "already there:"
                click.echo(f"{said} {one.folder}" + (f", in the place of {one.replaced}" if one.replaced else ""))
            click.echo(f"index: {site / 'index.html'}")
        elif not site.is_dir():
            raise ReportError(f"{site}: no such folder; publish a run there first")
    if check:
        broken = broken_links(site)
        for link in broken:
            click.echo(link)
        click.echo(f"{len(broken)} broken links" if broken else "all links lead somewhere")
        sys.exit(1 if broken else 0)
