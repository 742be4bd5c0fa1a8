"""A group of answers in the order in which a strategy preferred them, as a table on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

OURS = ("bonus", "advantage", "reward")
"""Numbers that every candidate has."""
NO_COLUMNS = (*OURS, "rank", "row", "prefix_tokens", "text", "cut")
"""What else is stored of a candidate is what the strategy said of it, and gets a column."""
PARTS = {0.0: "primary", 1.0: "hedge"}
"""Of a hybrid, by the number that stands in the column `part`."""


def ranking_table(group: Mapping[str, Any]) -> Table:
    """Return the table of one group as it is stored; its title is the prompt."""
    candidates: Sequence[Mapping[str, Any]] = group["candidates"]
    said = [name for name in (candidates[0] if candidates else ()) if name not in NO_COLUMNS]
    title = Text("prompt: ", style="bold").append(_one_line(group["prompt"], group["cut"]), style="not bold")
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE, pad_edge=False)
    for name in ("#", *OURS, *said):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("answer", overflow="fold", ratio=1)
    for one in candidates:
        numbers = [_cell(name, one[name]) for name in (*OURS, *said)]
        table.add_row(str(one["rank"]), *numbers, _answer(one))
    return table


def _answer(one: Mapping[str, Any]) -> Text:
    start = f"({one['prefix_tokens']} tokens of another answer) … " if one["prefix_tokens"] else ""
    return Text(start, style="dim").append(_one_line(one["text"], one["cut"]), style="not dim")


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    if name == "part":
        return PARTS.get(value, f"{value:.0%} hedge")
    if name == "filtered":
        return "yes" if value else "no"
    return f"{value:+.3f}" if name in ("bonus", "advantage") else f"{value:.4g}"


def _one_line(text: str, cut: int) -> str:
    """Return a text as a terminal may show it: a model can write line ends and control characters."""
    lines = " ⏎ ".join(text.splitlines())
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in lines)
    return f"{shown} … and {cut} characters more" if cut else shown
