"""A report as Markdown, for READMEs and pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from harness.store.visible import one_line
from reports.blocks import Section, Table
from reports.findings import Findings
from reports.leaderboard import Leaderboard, cells, failure_cells, header

ELSEWHERE = ("paths", "attempts", "regressions")
"""Tables that are too long for a file to be read: they are on the page, and in files of their own."""
_WIDTHS = {"rank": 7, "arm": 40, "seeds": 6, "verdict": 10, "score": 22, "amount": 14, "parameters": 24, "words": 22}
"""Least width of a Markdown column by what it holds: constants, so that new numbers touch their line only."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "](": "]&#40;"}


def markdown(found: Findings, sections: Sequence[Section], *, figures: bool = True) -> str:
    """Return a report as Markdown: the answer, the leaderboard, and a table or a linked figure for all else.

    Arms stand in the plan's order, and column widths don't depend on numbers, so that a change touches its line only.

    Args:
        found: What the report says.
        sections: Its sections.
        figures: Whether figures are linked: those at equal compute have no files of their own.
    """
    board = found.board
    sentences = [sentence for sentence in (found.standing, *found.answer) if sentence]
    answer = " ".join([*sentences, f"Arms are compared {board.at.words}."])
    lines = [f"# {escaped(found.run.plan.name)}", "", escaped(answer), "", *standings_lines(board)]
    for section in sections:
        if section.id == "leaderboard":
            continue
        tables = [table for table in section.tables if table.name not in ELSEWHERE]
        drawings = [drawing for drawing in section.drawings if figures and drawing.picture is not None]
        lines += ["", f"## {escaped(section.title)}"] if tables or drawings else []
        for table in tables:
            lines += ["", f"### {escaped(table.title)}"] if table.title else []
            lines += ["", *_table(list(table.header), [list(row) for row in table.rows], _kinds(table))]
        if drawings:
            links = [f"[{escaped(drawing.title)}](figures/{drawing.name}.svg)" for drawing in drawings]
            lines += ["", f"Figures: {', '.join(links)}."]
        if section.id == "controls" and found.controls.uncounted:
            lines += ["", f"Not counted: {escaped(found.controls.uncounted)}."]
    return "\n".join(lines) + "\n"


def _kinds(table: Table) -> list[str]:
    if table.name == "controls":
        return ["arm", "arm", "score", "seeds", "words"]
    return ["arm", *["amount"] * (len(table.header) - 1)]


def standings_lines(board: Leaderboard) -> list[str]:
    """Return the leaderboard as the lines of a Markdown table, failed cells under their arm."""
    titles = [*header(board), "family", "parameters"]
    kinds = [
        "arm",
        "rank",
        "seeds",
        "score",
        "score",
        "verdict",
        "score",
        *["score"] * len(board.suites),
        "score",
        "seeds",
        "words",
        "score",
        *["amount"] * 5,
        "parameters",
        "parameters",
    ]
    rows = [[*cells(row, board), row.family, row.parameters] for row in board.rows]
    for row in board.rows:
        rows += [[*failure_cells(cell, spent, board), row.family, ""] for cell, spent in row.failures]
    return _table(titles, rows, kinds)


def _table(titles: list[str], rows: list[list[str]], kinds: list[str]) -> list[str]:
    widths = [max(_WIDTHS[kind], len(escaped(name))) for kind, name in zip(kinds, titles, strict=True)]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [_line(titles, widths), rule, *(_line(row, widths) for row in rows)]


def _line(texts: list[str], widths: list[int]) -> str:
    padded = [escaped(text).ljust(width) for text, width in zip(texts, widths, strict=True)]
    return "| " + " | ".join(padded) + " |"


def escaped(text: str) -> str:
    """Return a text as one cell of a Markdown table."""
    flat = one_line(text)
    for mark, entity in _ENTITIES.items():
        flat = flat.replace(mark, entity)
    return flat
