"""Every table and figure of a report as files of its own, and the main table for a paper."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from harness.store.visible import one_line, visible
from reports import formatting
from reports.blocks import Drawing, Table
from reports.formatting import Number
from reports.leaderboard import Leaderboard

ACTING = ("=", "+", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run."""


def as_csv(table: Table) -> str:
    """Return a table as CSV: numbers in the unit of their column, with the ends of their interval beside them.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    wide = _with_intervals(table)
    titles: list[str] = []
    for place, title in enumerate(table.header):
        titles += [title, f"{title}: low", f"{title}: high"] if place in wide else [title]
    writer.writerow(map(_harmless, titles))
    for row in table.rows:
        texts: list[str] = []
        for place, text in enumerate(row):
            texts.append(_plain(text))
            if place in wide:
                texts += [_end(text, "low"), _end(text, "high")]
        writer.writerow(texts)
    return stream.getvalue()


def as_json(table: Table) -> str:
    """Return a table as JSON: columns, and rows of texts as they are shown, numbers with their value and interval."""
    rows = [[_entry(text) for text in row] for row in table.rows]
    content = {"name": table.name, "title": table.title, "columns": list(table.header), "rows": rows}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def data_csv(drawing: Drawing) -> str:
    """Return what a figure shows."""
    return "" if drawing.data is None else str(drawing.data.to_csv(index=False, float_format="%.6g"))


def as_latex(board: Leaderboard, title: str) -> str:
    """Return the leaderboard as a LaTeX table (booktabs), arms in the plan's order."""
    suites = board.suites
    columns = ["arm", "rank", board.primary, f"$\\Delta$ {board.baseline}", "verdict", *suites, "tokens"]
    heads = [column if column.startswith("$") else _tex(column) for column in columns]
    heads[3] = f"$\\Delta$ {_tex(board.baseline)}"
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        f"\\caption{{{_tex(title)}: {_tex(board.at.words)}; scores in percent with half the 95\\% interval over "
        f"training seeds, differences in points with their {_tex(board.joint)}.}}",
        "\\begin{tabular}{l" + "r" * (len(columns) - 1) + "}",
        "\\toprule",
        " & ".join(heads) + " \\\\",
        "\\midrule",
    ]
    for row in board.rows:
        difference = "reference" if row.arm == board.baseline else formatting.points(row.difference)
        texts = [
            row.arm,
            "" if row.rank is None else str(row.rank),
            formatting.score(row.primary),
            difference,
            row.verdict or "",
            *(formatting.score(row.suites[suite]) for suite in suites),
            formatting.MISSING if row.spent is None else formatting.quantity(row.spent.generated_tokens),
        ]
        lines.append(" & ".join(map(_tex, texts)) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", "\\end{table}"]) + "\n"


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\N{MINUS SIGN}": "$-$", "±": r"$\pm$",
    "\N{NO-BREAK SPACE}": "~", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in one_line(text.replace("\N{NO-BREAK SPACE}", "\x01"))).replace(
        "␁", "~"
    )


def _with_intervals(table: Table) -> set[int]:
    return {
        place
        for row in table.rows
        for place, text in enumerate(row)
        if isinstance(text, Number) and text.low is not None
    }


def _plain(text: str) -> str:
    if isinstance(text, Number):
        return "" if math.isnan(text.value) else f"{text.value:.10g}"
    return _harmless(text)


def _harmless(text: str) -> str:
    shown = visible(text)
    return f"'{shown}" if shown.startswith(ACTING) else shown


def _end(text: str, name: str) -> str:
    value = getattr(text, name, None)
    return "" if value is None else f"{value:.10g}"


def _entry(text: str) -> Any:
    if not isinstance(text, Number):
        return visible(text)
    known = {"low": text.low, "high": text.high}
    value = text.value if math.isfinite(text.value) else None
    return {"text": str(text), "value": value, **{name: end for name, end in known.items() if end is not None}}
