"""`explorebench gate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from harness.cli.errors import explained

MISUSE = 3


class WrongCall(click.UsageError):
    """The command line can't be read."""

    exit_code = MISUSE


class GateCommand(click.Command):
    """Exits with its own code when it is called wrongly: 2 means that it can't tell."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the command line."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise WrongCall(error.format_message(), error.ctx) from error


@click.command(cls=GateCommand)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--baseline", help="An arm, base (untrained) or previous (checkpoint). [default: the plan's baseline]")
@click.option("--arm", "arms", multiple=True, help="An arm to look at. [default: all but controls]")
@click.option("--suite", "suites", multiple=True, help="A suite to look at. [default: all]")
@click.option("--margin", type=click.FloatRange(min=0), help="Points. [default: the plan's]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in the place of Markdown.")
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), help="Append the Markdown to a file.")
def gate(
    run_folder: Path,
    baseline: str | None,
    arms: tuple[str, ...],
    suites: tuple[str, ...],
    margin: float | None,
    as_json: bool,
    summary: Path | None,
) -> None:
    """Say whether an arm of RUN fell below a baseline on any suite.

    Exit code: 0 nothing regressed, 1 something did, 2 it can't be told, 3 wrong call.
    """
    from reports import ReportError
    from reports.read import read_run
    from reports.verdicts.gate import gate as judge
    from reports.verdicts.gate import gate_json, gate_markdown

    with explained(ReportError, code=MISUSE):
        found = judge(read_run(run_folder), baseline, arms=arms, suites=suites, margin=margin)
        if summary is not None:
            with summary.open("a", encoding="utf-8") as stream:
                stream.write(gate_markdown(found))
    click.echo(json.dumps(gate_json(found), indent=2) if as_json else gate_markdown(found), nl=as_json)
    sys.exit(found.code)
