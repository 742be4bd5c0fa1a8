"""`explorebench model`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.errors import explained


@click.group()
def model() -> None:
    """Rebuild or measure the embedded model."""


@model.command()
@click.argument("name", type=click.Choice(["tiny"]))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="[default: the package's own folder]")
@click.option("--seed", type=int, default=0, show_default=True)
def build(name: str, out: Path | None, seed: int) -> None:
    """Build the embedded model NAME by its recipe: a few minutes on two cores."""
    from harness.models import tiny_path
    from harness.models.build import build_tiny

    built = build_tiny(out or tiny_path(), seed=seed, progress=click.echo)
    click.echo(f"wrote {built.path} (weights SHA-256 {built.sha256})")


@model.command()
@click.argument("name", default="tiny")
@click.option("--samples", type=click.IntRange(min=8), default=16, show_default=True, help="Answers per item.")
def measure(name: str, samples: int) -> None:
    """Measure pass@1 and pass@8 of the model NAME (tiny, a folder, a hub id) on the frozen suites."""
    from harness.models import load_model, load_tokenizer
    from harness.models.measure import measure as measured

    with explained(ValueError):
        rates = measured(load_model(name), load_tokenizer(name), samples=samples)
    for suite, rate in rates.items():
        click.echo(f"{suite:<16} pass@1 {rate.pass_at_1:6.1%}   pass@8 {rate.pass_at_8:6.1%}   ({rate.items} items)")
