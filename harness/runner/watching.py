"""A run on a terminal while it runs: cells, curves as sparklines, and what happened last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.runner.display import time_left
from harness.runner.following import Followed, Following, Happening
from harness.store.status import State
from harness.store.visible import one_line

if TYPE_CHECKING:
    from rich.console import Group

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 20
"""Characters of a sparkline."""
LAST = 8
"""Happenings that are shown."""
FIRST: tuple[State, ...] = ("running", "failed", "interrupted", "queued", "waiting", "cancelled", "done")


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Return a curve as one line, each character the mean of its share of the values.

    Examples:
        >>> sparkline([0, 1, 2, 3], 4)
        '▁▃▆█'
    """
    if not values:
        return ""
    count = min(width, len(values))
    edges = [round(place * len(values) / count) for place in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def picked(cells: Sequence[Followed], arm: str | None) -> list[Followed]:
    """Return the cells of one arm, or all, those first that somebody should look at."""
    ours = [cell for cell in cells if arm is None or cell.status.arm == arm]
    return sorted(ours, key=lambda cell: FIRST.index(cell.status.state))


def title(following: Following, cells: Sequence[Followed]) -> str:
    """Return how many cells are in which state, and what a reader should know about that."""
    states = Counter(cell.status.state for cell in cells)
    parts = [f"{states[state]} {state}" for state in FIRST if states[state]]
    parts += [one_line(note) for note in following.notes]
    return f"{one_line(following.name)}: {len(cells)} cells, {', '.join(parts)}"


def plain(following: Following, cells: Sequence[Followed]) -> list[str]:
    """Return a view as lines without colours."""
    lines = [title(following, cells)]
    for cell in cells:
        texts = [text for text in _texts(cell) if text]
        lines.append("  ".join(texts))
    return [*lines, *(_told(one) for one in _latest(cells))]


def drawn(following: Following, cells: Sequence[Followed], height: int) -> Group:
    """Return a view that fits a terminal.

    Args:
        following: The run.
        cells: In the order of the rows.
        height: Lines of the terminal.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    latest = _latest(cells)
    room = max(3, height - 5 - len(latest))
    table = Table(title=Text(title(following, cells)), title_justify="left")
    for name in ("cell", "state", "budget", "reward", "", "score", "", "left"):
        table.add_column(name, no_wrap=name == "")
    for cell in cells[:room]:
        table.add_row(*map(Text, _texts(cell)))
    more = len(cells) - room
    below = [f"and {more} more cells"] if more > 0 else []
    return Group(table, *(Text(line, overflow="ellipsis", no_wrap=True) for line in (*below, *map(_told, latest))))


def _texts(cell: Followed) -> list[str]:
    status = cell.status
    rewards = [cell.rewards[step] for step in sorted(cell.rewards)]
    scores = [cell.scores[checkpoint] for checkpoint in sorted(cell.scores)]
    return [
        one_line(f"{'trial ' if status.trial else ''}{status.arm} · seed {status.seed}"),
        one_line(status.phase or status.words),
        f"{status.share:.0%}",
        f"{rewards[-1]:.3f}" if rewards else "",
        sparkline(rewards),
        f"{scores[-1]:.1%}" if scores else "",
        sparkline(scores),
        time_left(status),
    ]


def _latest(cells: Sequence[Followed]) -> list[Happening]:
    """Return what happened last in each cell, at most a few in all."""
    last = [cell.happenings[-1] for cell in cells if cell.happenings]
    return last[:LAST]


def _told(one: Happening) -> str:
    return one_line(f"{one.arm} · seed {one.seed}, step {one.step}: {one.words}")
