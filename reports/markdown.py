"""The leaderboard as Markdown, and under it each arm against its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.controls import HEADER, TITLE, Controls
from reports.leaderboard import Leaderboard, cells, failure_cells, header
from reports.tables import Table

_WIDTHS = {"rank": 7, "arm": 40, "seeds": 6, "verdict": 10, "score": 22, "amount": 14, "parameters": 24, "words": 22}
"""Least width of a Markdown column by what it holds: constants, so that new numbers touch their line only."""


def markdown(board: Leaderboard, found: Controls, title: str, note: str, others: Mapping[str, Sequence[Table]]) -> str:
    """Return the leaderboard as Markdown, and under it each arm against its own controls, if there are any.

    Under those stand the `others`, tables by the title of their section; one without rows is left out.
    Arms stand in the plan's order, and column widths don't depend on numbers.
    """
    lines = [f"# {escaped(title)}", "", escaped(note), "", *_standings(board)]
    if found.rows:
        lines += ["", f"## {TITLE}", "", *_pairs(found)]
    if found.uncounted:
        lines += ["", f"Not counted: {escaped(found.uncounted)}."]
    for section, tables in others.items():
        shown = [table for table in tables if table.rows]
        lines += ["", f"## {section}"] if shown else []
        for table in shown:
            lines += ["", *_table(list(table.header), [list(row) for row in table.rows], _kinds(table))]
    return "\n".join(lines) + "\n"


def _kinds(table: Table) -> list[str]:
    return ["arm", *["amount"] * (len(table.header) - 1)]


def _standings(board: Leaderboard) -> list[str]:
    titles = [*header(board), "parameters"]
    kinds = [
        "arm",
        "rank",
        "seeds",
        "score",
        "score",
        "verdict",
        "score",
        *["score"] * len(board.suites),
        *["amount"] * 4,
        "parameters",
    ]
    rows = [[*cells(row, board), row.parameters] for row in board.rows]
    for row in board.rows:
        rows += [[*failure_cells(cell, spent, board), ""] for cell, spent in row.failures]
    return _table(titles, rows, kinds)


def _pairs(found: Controls) -> list[str]:
    rows = [list(row.texts) for row in found.rows]
    return _table(list(HEADER), rows, ["arm", "arm", "score", "seeds", "words"])


def _table(titles: list[str], rows: list[list[str]], kinds: list[str]) -> list[str]:
    widths = [max(_WIDTHS[kind], len(escaped(name))) for kind, name in zip(kinds, titles, strict=True)]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [_line(titles, widths), rule, *(_line(row, widths) for row in rows)]


def _line(texts: list[str], widths: list[int]) -> str:
    padded = [escaped(text).ljust(width) for text, width in zip(texts, widths, strict=True)]
    return "| " + " | ".join(padded) + " |"


def escaped(text: str) -> str:
    """Return a text as one cell of a Markdown table."""
    flat = " ".join(text.split())
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("`", "&#96;")):
        flat = flat.replace(mark, entity)
    return flat
