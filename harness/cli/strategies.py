"""`explorebench strategies`."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained

if TYPE_CHECKING:
    from strategies import Strategy


@click.command()
@click.argument("name", required=False)
def strategies(name: str | None) -> None:
    """List the strategies by family, or describe the one called NAME."""
    from strategies import StrategyError, known_strategies
    from strategies.registry import class_of, default_of

    if name is None:
        with explained(StrategyError):
            known = known_strategies()
        for family in dict.fromkeys(kind.family for kind in known.values()):
            click.echo(f"{family}")
            for key, kind in known.items():
                if kind.family == family:
                    click.echo(f"  {key:<16} {_summary(kind)}")
        return
    with explained(StrategyError):
        kind = class_of(name)
    click.echo(f"{name} ({kind.family}): {_summary(kind)}\n\n{inspect.getdoc(kind)}\n\nParameters")
    for field in dataclasses.fields(kind):
        value = default_of(field)
        default = "needed" if value is dataclasses.MISSING else f"default {value!r}"
        click.echo(f"  {field.name}: {str(field.type).replace('Literal', 'one of')}, {default}")


def _summary(kind: type[Strategy]) -> str:
    return kind.summary or (inspect.getdoc(kind) or "no description").splitlines()[0]
