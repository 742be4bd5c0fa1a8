"""The leaderboard's rows as the page shows them: texts, and the interval drawn to scale."""

from __future__ import annotations

from dataclasses import dataclass

from reports.figures.style import FAINT, VARIABLES, looks
from reports.leaderboard import ArmRow, Leaderboard, cells, failure_title, header, spent_texts
from reports.read.plan import BASE_ARM
from reports.statistics import Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Whisker:
    """An interval of a difference along a bar, in percent of the bar's width from its left end."""

    low: float
    width: float
    mean: float
    zero: float
    """Where no difference lies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One arm's row."""

    name: str
    role: str
    """What the arm is in this comparison: baseline, control of another, untrained; empty for any other."""
    texts: tuple[str, ...]
    """In the order of the header, without the first column."""
    parameters: str
    """Where the arm's parameters come from; empty for the untrained model."""
    kind: str
    """"base", "baseline", "control" or "arm"."""
    colour: str
    """The page's colour of the arm in every figure, as CSS."""
    verdict: str
    """"improved", "regressed", "equivalent", "unsure" or "none"."""
    whisker: Whisker | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedCell:
    """The row of a failed cell."""

    title: str
    spent: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standings:
    """The whole table, best score first, failed cells under their arm."""

    header: tuple[str, ...]
    rows: tuple[tuple[Standing, tuple[FailedCell, ...]], ...]


def standings(board: Leaderboard) -> Standings:
    """Return the table of the page."""
    found = looks([row.arm for row in board.rows if row.arm != BASE_ARM], board.baseline)
    colours = {arm: VARIABLES[look.colour] for arm, look in found.items()}
    span = _span([row.difference for row in board.rows if _is_drawn(row, board)])
    return Standings(
        header=tuple(header(board)),
        rows=tuple(
            (_standing(row, board, span, colours.get(row.arm, VARIABLES[FAINT])), _failed(row)) for row in board.ranked
        ),
    )


def _standing(row: ArmRow, board: Leaderboard, span: tuple[float, float] | None, colour: str) -> Standing:
    verdicts = {None: "none", "can't tell": "unsure"}
    drawn = _is_drawn(row, board) and span is not None
    return Standing(
        name=row.arm,
        role=row.role,
        texts=tuple(cells(row, board)[1:]),
        parameters=row.parameters,
        kind=_kind(row, board),
        colour=colour,
        verdict=verdicts.get(row.verdict) or row.verdict or "none",
        whisker=_whisker(row.difference, span) if drawn else None,
    )


def _kind(row: ArmRow, board: Leaderboard) -> str:
    if row.arm == BASE_ARM:
        return "base"
    if row.arm == board.baseline:
        return "baseline"
    return "control" if row.control else "arm"


def _failed(row: ArmRow) -> tuple[FailedCell, ...]:
    return tuple(FailedCell(title=failure_title(cell), spent=tuple(spent_texts(spent))) for cell, spent in row.failures)


def _is_drawn(row: ArmRow, board: Leaderboard) -> bool:
    """The untrained model is left out: its distance would squeeze the arms' differences together."""
    return row.arm not in (BASE_ARM, board.baseline) and row.difference is not None


def _span(differences: list[Interval | None]) -> tuple[float, float] | None:
    ends = [
        end
        for difference in differences
        if difference is not None
        for end in (difference.mean, difference.low, difference.high)
        if end is not None
    ]
    if not ends:
        return None
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = 0.04 * (high - low) or 0.01
    return low - room, high + room


def _whisker(difference: Interval | None, span: tuple[float, float] | None) -> Whisker | None:
    if difference is None or span is None:
        return None
    start, end = span

    def place(value: float) -> float:
        return round(100 * (value - start) / (end - start), 2)

    low = place(difference.mean if difference.low is None else difference.low)
    high = place(difference.mean if difference.high is None else difference.high)
    return Whisker(low=low, width=round(high - low, 2), mean=place(difference.mean), zero=place(0.0))
