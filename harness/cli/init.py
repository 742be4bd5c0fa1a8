"""`explorebench init`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

TEMPLATES = {
    "tiny": "the demo: four arms with three seeds on a laptop in minutes",
    "smoke": "two arms in half a minute, to try things out",
}


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default="plan.yaml")
@click.option("--template", type=click.Choice(list(TEMPLATES)), default="tiny", show_default=True)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def init(path: Path, template: str, force: bool) -> None:
    """Write a plan to start from to PATH (plan.yaml)."""
    if path.exists() and not force:
        raise click.UsageError(f"{path} is there already; choose another name, or overwrite it with --force")
    text = (files("harness.plan") / "templates" / f"{template}.yaml").read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    click.echo(f"wrote {path} ({TEMPLATES[template]})")
    click.echo(f"next: explorebench check {path}; explorebench queue {path}")
