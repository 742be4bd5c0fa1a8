"""The leaderboard, where the plan compares arms and at equal compute in every unit."""

from __future__ import annotations

from reports.blocks import Custom, Section, Table
from reports.findings import Findings
from reports.leaderboard import cells, failure_cells, header
from reports.page.standings import standings
from reports.reading import UNITS
from reports.verdicts.words import rule_in_words


def boards(found: Findings) -> Section:
    """Return the leaderboard; the page shows one unit of compute at a time."""
    board, rule = found.board, rule_in_words(found.run.plan.rule)
    note = (
        "Best score first; arms that are not told from the leader of a group share its rank, and one with cells still "
        "to come has none. Scores are avg@K, the mean over items of the share of right answers (or the aggregation "
        "that a suite names), ± half the 95% t interval over training seeds. Differences are paired by seed and item, "
        f"with their {board.joint} (Holm); below each stands the same for {board.elsewhere}. {rule} Compute is "
        "training's, lost work included, mean over the seeds counted. Steadiness, regressions and the mean over equal "
        f"compute are those {board.at.words}, whatever the scores are matched by."
    )
    matched = {
        unit: {"name": UNITS[unit][1], "why": one} if isinstance(one, str) else
        {"name": UNITS[unit][1], "why": "", "board": one, "standings": standings(one, found.looks)}
        for unit, one in found.matched.items()
    }  # fmt: skip
    context = {
        "board": board,
        "standings": standings(board, found.looks),
        "matched": matched,
        "units": {unit: name for unit, (_, name) in UNITS.items()},
        "unit": found.unit,
        "families": sorted({row.family for row in board.rows}),
    }
    parts = [_table(found, "leaderboard", "")]
    parts += [_table(found, f"leaderboard-{unit.replace('_', '-')}", unit) for unit in matched]
    custom = Custom(template="leaderboard.html.j2", context=context, parts=tuple(part for part in parts if part.rows))
    return Section(id="leaderboard", title="Leaderboard", note=note, blocks=(custom,))


def _table(found: Findings, name: str, unit: str) -> Table:
    board = found.matched[unit] if unit else found.board
    if isinstance(board, str):
        return Table(header=(), rows=())
    rows = []
    for row in board.rows:
        rows.append((*cells(row, board), row.family, row.parameters))
        rows += [(*failure_cells(cell, spent, board), row.family, "") for cell, spent in row.failures]
    title = f"Leaderboard {board.at.words}"
    return Table(header=(*header(board), "family", "parameters"), rows=tuple(rows), name=name, title=title)
