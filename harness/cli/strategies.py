"""`explorebench strategies`."""

from __future__ import annotations

import click

from harness.cli.errors import explained


@click.command()
@click.argument("name", required=False)
def strategies(name: str | None) -> None:
    """List the strategies by family, or describe the one called NAME."""
    from strategies import StrategyError, known_strategies
    from strategies.page import page, summary
    from strategies.registry import class_of

    if name is not None:
        with explained(StrategyError):
            click.echo(page(name, class_of(name)))
        return
    with explained(StrategyError):
        known = known_strategies()
    width = max(map(len, known))
    for family in dict.fromkeys(kind.family for kind in known.values()):
        click.echo(family)
        for key, kind in known.items():
            if kind.family == family:
                click.echo(f"  {key:<{width}}  {summary(kind)}")
    click.echo(f"{len(known)} strategies; `explorebench strategies NAME` describes one")
