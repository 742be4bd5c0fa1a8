"""Which cells of a run a command is about, and going on with them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from harness.store.paths import RunPaths
    from harness.store.status import CellStatus

Command = TypeVar("Command", bound=Callable[..., Any])
BACKENDS = ("local", "slurm")


def choosing(command: Command) -> Command:
    """Add the options that choose cells to a command."""
    command = click.option("--arm", help="The cells of this arm only.")(command)
    return click.option("--cell", help="This cell only: its id, or the beginning of one.")(command)


def going_on(command: Command) -> Command:
    """Add the option that says where cells are gone on with."""
    said = "Where to go on. [default: where it was queued]"
    return click.option("--on", type=click.Choice(BACKENDS), help=said)(command)


def chosen(statuses: Sequence[CellStatus], cell: str | None, arm: str | None) -> list[CellStatus]:
    """Return the cells that were chosen, all if nothing is said.

    Raises:
        StoreError: If there are none.
    """
    from harness.errors import StoreError

    found = [one for one in statuses if arm is None or one.arm == arm]
    if not found:
        raise StoreError(f"no arm named {arm!r}.{_near(arm or '', [one.arm for one in statuses])}")
    if cell is None:
        return found
    exact = [one for one in found if one.id == cell]
    begun = exact or [one for one in found if one.id.startswith(cell)]
    if len(begun) == 1:
        return begun
    if begun:
        raise StoreError(f"{len(begun)} cells begin with {cell!r}: {', '.join(one.id for one in begun[:5])}; say more")
    raise StoreError(f"no cell named {cell!r}.{_near(cell, [one.id for one in found])}")


def go_on(run: RunPaths, on: str | None) -> None:
    """Queue what is missing of a run's own plan, where it was queued before if nothing else is said."""
    from harness.cli.queue import queue
    from harness.errors import StoreError
    from harness.store.status import read_resolved

    name = read_resolved(run)["name"]
    if run.root.absolute().name != name:
        raise StoreError(f"{run.root} holds the plan {name!r}; rename the folder to that, or queue the plan by hand")
    if run.submitted.exists():
        from slurm.states import close_ended

        close_ended(run)
    backend = on or ("slurm" if run.submitted.exists() else "local")
    click.get_current_context().invoke(queue, plan_file=Path(run.plan), runs=run.root.absolute().parent, on=backend)


def _near(name: str, names: Sequence[str]) -> str:
    known = list(dict.fromkeys(names))
    near = difflib.get_close_matches(name, known, n=1)
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return (f" Did you mean {near[0]!r}?" if near else "") + f" Known: {', '.join(known[:10])}{more}"
