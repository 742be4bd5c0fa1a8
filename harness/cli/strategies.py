"""`explorebench strategies`."""

from __future__ import annotations

import click

from harness.cli.errors import explained


@click.command()
@click.argument("name", required=False)
@click.option("--markdown", "as_markdown", is_flag=True, help="The list as a table, with what each costs.")
def strategies(name: str | None, as_markdown: bool) -> None:
    """List the strategies by family, or describe the one called NAME."""
    from strategies import StrategyError, known_strategies
    from strategies.page import markdown, page, summary
    from strategies.registry import class_of

    if name is not None:
        with explained(StrategyError):
            click.echo(page(name, class_of(name)))
        return
    with explained(StrategyError):
        known = known_strategies()
    if as_markdown:
        click.echo(markdown(known), nl=False)
        return
    width = max(map(len, known))
    for family in dict.fromkeys(kind.family for kind in known.values()):
        click.echo(family)
        for key, kind in known.items():
            if kind.family == family:
                click.echo(f"  {key:<{width}}  {summary(kind)}")
    click.echo(f"{len(known)} strategies; `explorebench strategies NAME` describes one")
