"""`explorebench model`."""

from __future__ import annotations

from pathlib import Path

import click


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
