"""What a user sees while cells run: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.store.paths import RunPaths
from harness.store.status import CellStatus, read_cells, read_trials
from harness.store.visible import one_line

if TYPE_CHECKING:
    from harness.plan.resolve import Plan

LINE_SHARE = 0.25
"""A plain line is printed each time that a cell has moved on by so much."""
REFRESH_S = 1.0


@contextmanager
def display(run: RunPaths, plan: Plan) -> Iterator[Callable[[], None]]:
    """Yield what to call now and then while cells run."""
    console = Console()
    if not console.is_terminal:
        yield PlainLines(run=run)
        return
    with Live(console=console, auto_refresh=False) as live:
        from harness.plan.trials import trials_of

        count = len(trials_of(plan)) + len(plan.arms) * len(plan.seeds)
        table = LiveTable(run=run, live=live, title=f"{plan.name}: {count} cells")
        try:
            yield table
        finally:
            table.draw()


@dataclass(kw_only=True)
class LiveTable:
    """A table of all cells, redrawn at most once a second."""

    run: RunPaths
    live: Live
    title: str
    _drawn: float = 0.0

    def __call__(self) -> None:
        """Redraw if it is time."""
        if time.monotonic() - self._drawn >= REFRESH_S:
            self.draw()

    def draw(self) -> None:
        """Redraw now."""
        self._drawn = time.monotonic()
        self.live.update(status_table(_all_cells(self.run), self.title), refresh=True)


@dataclass(kw_only=True)
class PlainLines:
    """One line when a cell changes state, and one for each quarter of its budget."""

    run: RunPaths
    _seen: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __call__(self) -> None:
        """Print what has changed."""
        for status in _all_cells(self.run):
            now = (status.state, int(status.share / LINE_SHARE))
            if status.state != "waiting" and self._seen.get(status.id) != now:
                click.echo(plain_line(status))
            self._seen[status.id] = now


def status_table(statuses: list[CellStatus], title: str) -> Table:
    """Return the table of a run's cells: phase, share of budget, reward, tokens/s and time left."""
    table = Table(title=Text(one_line(title)), title_justify="left")
    for name in ("cell", "state", "budget", "reward", "tokens/s", "left"):
        table.add_column(name, justify="left" if name in ("cell", "state") else "right")
    for status in statuses:
        table.add_row(
            Text(one_line(f"{_mark(status)}{status.arm} · seed {status.seed}")),
            Text(one_line(status.phase or status.words)),
            f"{status.share:.0%}",
            _number(status, "reward", ".3f"),
            _number(status, "tokens_per_s", ",.0f") if status.state == "running" else "",
            time_left(status),
        )
    return table


def plain_line(status: CellStatus) -> str:
    """Return one line on a cell."""
    reward = _number(status, "reward", ".3f")
    share = "" if status.state == "running" else f"{status.share:.0%}"
    parts = [status.head, share, f"reward {reward}" if reward else "", status.cause or ""]
    return one_line(f"{_mark(status)}{status.arm} seed {status.seed}: " + ", ".join(part for part in parts if part))


def time_left(status: CellStatus) -> str:
    """Return the training time a running cell has left at its pace so far, evaluation not counted."""
    seconds = status.last_step.get("device_seconds")
    if status.state != "running" or not seconds or not status.share:
        return ""
    left = round(seconds * (1 - status.share) / status.share)
    return f"{left // 3600}:{left % 3600 // 60:02d}:{left % 60:02d}"


def _all_cells(run: RunPaths) -> list[CellStatus]:
    return [*read_trials(run), *read_cells(run)]


def _mark(status: CellStatus) -> str:
    return "trial " if status.trial else ""


def _number(status: CellStatus, name: str, form: str) -> str:
    value = status.last_step.get(name)
    return "" if value is None else format(value, form)
