"""Each arm against its own controls."""

from __future__ import annotations

from reports.blocks import Section, Table
from reports.claims import does
from reports.controls import HEADER, TITLE
from reports.findings import Findings


def against_controls(found: Findings) -> Section:
    """Return each arm against its controls; nothing where there are none."""
    pairs = found.controls
    note = (
        f"A control keeps everything of an arm but its idea: {does(found.run)}. Score of the arm less that of its "
        f"control, {found.at.words}, paired by seed and item, with its {pairs.joint} (Holm), judged by the rule above."
    )
    if pairs.uncounted:
        note += f" Not counted: {pairs.uncounted}."
    rows = tuple(row.texts for row in pairs.rows)
    table = Table(header=HEADER, rows=rows, name="controls", look="pairs")
    return Section(id="controls", title=TITLE, note=note, blocks=(table,) if rows else ())
