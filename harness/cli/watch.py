"""`explorebench watch`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained

if TYPE_CHECKING:
    from rich.console import Console

    from harness.runner.following import Following


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--arm", help="This arm only.")
@click.option("--every", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="Seconds between looks.")
@click.option("--once", is_flag=True, help="Look once; so does a watch whose output is no terminal.")
def watch(run_folder: Path, arm: str | None, every: float, *, once: bool) -> None:
    """Watch RUN (such as runs/tiny): its cells, rewards and scores as sparklines, and what happened last."""
    from rich.console import Console

    from harness.errors import StoreError
    from harness.runner.following import Following
    from harness.runner.watching import picked, plain
    from harness.store.paths import RunPaths
    from slurm.states import Looks

    with explained():
        run = RunPaths(run_folder)
        following = Following.of(run, Looks(run=run).refined)
        cells = following.look()
        names = list(dict.fromkeys(cell.status.arm for cell in cells))
        if arm is not None and arm not in names:
            near = difflib.get_close_matches(arm, names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise StoreError(f"no arm named {arm!r}.{hint} Known: {', '.join(names)}")
    console = Console()
    if once or not console.is_terminal:
        for line in plain(following, picked(cells, arm)):
            click.echo(line)
        return
    _live(following, arm, every, console)


def _live(following: Following, arm: str | None, every: float, console: Console) -> None:
    """Draw until no cell is running or waiting, or the user has seen enough."""
    import time

    from rich.live import Live

    from harness.runner.watching import drawn, picked

    stopped = False
    try:
        # A screen of its own, which a terminal restores: a resize leaves nothing of the old frames behind.
        with Live(console=console, auto_refresh=False, screen=True) as live:
            while True:
                cells = picked(following.look(), arm)
                live.update(drawn(following, cells, *console.size), refresh=True)
                if not any(cell.status.state in ("running", "queued", "waiting") for cell in cells):
                    break
                time.sleep(every)
    except KeyboardInterrupt:
        stopped = True
    console.print(drawn(following, picked(list(following.cells.values()), arm), *console.size))
    if stopped:
        click.echo("no longer watching; the run goes on")
