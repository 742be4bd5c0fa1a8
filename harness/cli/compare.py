"""`explorebench compare`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.errors import explained


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--suite", "suites", multiple=True, help="This suite only. [default: all that both have]")
@click.option("--seed", type=int, help="This training seed only.")
@click.option(
    "--items", type=click.IntRange(min=0), default=5, show_default=True, help="Items gained and lost to print."
)
@click.option("--json", "as_json_text", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with all items.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown with all items.")
def compare(
    a: str,
    b: str,
    suites: tuple[str, ...],
    seed: int | None,
    items: int,
    as_json_text: bool,
    html: Path | None,
    markdown: Path | None,
) -> None:
    """Set A beside B: scores with intervals, items gained and lost with their texts, settings that differ.

    Each is RUN, RUN:ARM or RUN:ARM@CHECKPOINT, such as runs/tiny:g2rl@2; imported results are runs too.
    """
    from harness.errors import StoreError
    from harness.store.atomic import write_text
    from reports import ReportError
    from reports.compare.show import as_html, as_json, as_markdown, comparison
    from reports.compare.sides import read_side

    with explained(ReportError, StoreError, OSError):
        one, other = read_side(a), read_side(b)
        short = comparison(one, other, suites=suites, seed=seed, items=items)
        if html is not None or markdown is not None:
            whole = comparison(one, other, suites=suites, seed=seed)
            for path, text in ((html, as_html), (markdown, as_markdown)):
                if path is not None:
                    write_text(path, text(whole))
    click.echo(json.dumps(as_json(short), indent=2, ensure_ascii=False) if as_json_text else as_markdown(short))
