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
COLUMNS = ("cell", "state", "budget", "reward", "reward curve", "score", "score curve", "left")
GAP = 2
"""Characters between two columns, and after the last."""
FRAME = 4
"""Lines of a view beside cells and happenings: its title, the header, and one that stays free."""
SMALL = 8
"""Lines of a terminal below which there is no room for what happened."""
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


def drawn(following: Following, cells: Sequence[Followed], width: int, height: int) -> Group:
    """Return a view that fits a terminal: no line is wrapped, and what there is no room for is left out.

    Args:
        following: The run.
        cells: In the order of the rows.
        width: Characters of a line.
        height: Lines of the terminal.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    latest = _latest(cells)[: height // 4 if height >= SMALL else 0]
    room = max(1, height - FRAME - len(latest))
    shown = cells[: room if len(cells) <= room else room - 1]
    columns = _columns(shown, width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name, wide in columns:
        table.add_column(name.split()[-1], width=wide, no_wrap=True, overflow="ellipsis")
    for cell in shown:
        texts = _texts(cell, next((wide for name, wide in columns if name == "reward curve"), WIDTH))
        table.add_row(*(Text(texts[COLUMNS.index(name)]) for name, _ in columns))
    more = len(cells) - len(shown)
    below = [f"and {more} more cells"] if more > 0 else []
    lines = [Text(line, overflow="ellipsis", no_wrap=True) for line in (*below, *map(_told, latest))]
    return Group(Text(title(following, cells), overflow="ellipsis", no_wrap=True), table, *lines)


def _columns(cells: Sequence[Followed], width: int) -> list[tuple[str, int]]:
    """Return which columns a line has room for, with their widths: curves go before words are cut."""
    longest = max((len(_texts(cell)[0]) for cell in cells), default=0)
    wide = {
        "cell": max(4, min(longest, width // 3)),
        "state": min(12, width // 4),
        "budget": 6,
        "reward": 6,
        "score": 6,
    }
    for name, needed in (("reward curve", WIDTH // 2), ("left", 8), ("score curve", WIDTH // 2)):
        if sum(wide.values()) + GAP * len(wide) + needed + GAP <= width:
            wide[name] = needed
    spare = width - sum(wide.values()) - GAP * len(wide)
    for name in ("reward curve", "score curve", "state"):
        if name in wide and spare > 0:
            more = min(spare, (WIDTH if name != "state" else 40) - wide[name])
            wide[name], spare = wide[name] + more, spare - more
    return [(name, wide[name]) for name in COLUMNS if name in wide]


def _texts(cell: Followed, width: int = WIDTH) -> list[str]:
    """Return what is said of a cell, in the order of `COLUMNS`; curves are at most `width` wide."""
    status = cell.status
    rewards = [cell.rewards[step] for step in sorted(cell.rewards)]
    scores = [cell.scores[checkpoint] for checkpoint in sorted(cell.scores)]
    return [
        one_line(f"{'trial ' if status.trial else ''}{status.arm} · seed {status.seed}"),
        one_line(status.phase or status.words),
        f"{status.share:.0%}",
        f"{rewards[-1]:.3f}" if rewards else "",
        sparkline(rewards, width),
        f"{scores[-1]:.1%}" if scores else "",
        sparkline(scores, width),
        time_left(status),
    ]


def _latest(cells: Sequence[Followed]) -> list[Happening]:
    """Return what happened last in each cell, at most a few in all."""
    last = [cell.happenings[-1] for cell in cells if cell.happenings]
    return last[:LAST]


def _told(one: Happening) -> str:
    return one_line(f"{one.arm} · seed {one.seed}, step {one.step}: {one.words}")
