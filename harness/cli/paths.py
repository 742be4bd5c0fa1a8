"""`explorebench paths`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained

if TYPE_CHECKING:
    from harness.store.ranked import Ranked


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--step", type=click.IntRange(min=1), help="The last one at or before this; without it, the last of all.")
@click.option("--arm", help="Without it, the first that is neither the baseline nor a control.")
@click.option("--seed", type=int, help="Without it, the first.")
@click.option("--groups", type=click.IntRange(min=1), help="At most so many prompts.")
@click.option("--width", type=click.IntRange(min=60), help="In characters; without it, the terminal's.")
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def paths(
    run_folder: Path,
    step: int | None,
    arm: str | None,
    seed: int | None,
    groups: int | None,
    width: int | None,
    as_json: bool,
) -> None:
    """Show which answers a strategy preferred in a step of RUN (such as runs/tiny), best first, and why."""
    from harness.store.paths import RunPaths
    from harness.store.ranked import find_ranked

    with explained():
        found = find_ranked(RunPaths(run_folder), arm=arm, seed=seed, step=step)
    shown = found.line["groups"][:groups]
    if as_json:
        about = {"arm": found.arm, "seed": found.seed, "steps": found.steps}
        click.echo(json.dumps({**about, **found.line, "groups": shown}, indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    from harness.runner.ranking import ranking_table

    console = Console(width=width, highlight=False, markup=False)
    console.print(_title(found, step))
    console.print(f"steps that were looked at: {', '.join(map(str, found.steps))}")
    console.print(
        "best first by bonus, what the strategy added to plain GRPO's advantage; "
        f"{len(shown)} of {found.line['groups_in_batch']} prompts, those with the largest bonuses, up or down"
    )
    for group in shown:
        console.print()
        console.print(ranking_table(group))


def _title(found: Ranked, wanted: int | None) -> str:
    title = f"{found.arm}, seed {found.seed}, step {found.step} ({found.line['share']:.0%} of the budget spent before)"
    return title if wanted in (None, found.step) else f"{title}: the last one looked at before step {wanted}"
