"""`explorebench suites`."""

from __future__ import annotations

import click

from harness.cli.errors import explained

EXAMPLES = 3


@click.command()
@click.argument("name", required=False)
def suites(name: str | None) -> None:
    """List the suites with their hashes, or show the one called NAME with example items."""
    from suites import SuiteError, load_suite, suite_names

    with explained(SuiteError):
        if name is None:
            for known in suite_names():
                suite = load_suite(known)
                click.echo(f"{known:<26} {len(suite.items):>4} items  {suite.sha256[:12]}  {suite.description}")
            return
        suite = load_suite(name)
    click.echo(f"{suite.name}, version {suite.version}: {suite.description}")
    click.echo(f"skill {suite.skill}; {len(suite.items)} items; at most {suite.max_tokens} tokens an answer")
    click.echo(f"licence {suite.licence}; SHA-256 {suite.sha256}")
    for item in suite.items[:EXAMPLES]:
        click.echo(f"\n{item.id}\n  prompt: {item.prompt!r}\n  problem: {dict(item.payload)}")
