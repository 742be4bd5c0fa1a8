"""The leaderboard's rows as the page shows them: texts, and intervals drawn to scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reports import formatting
from reports.figures import Look
from reports.figures.style import FAINT, VARIABLES
from reports.leaderboard import ArmRow, Leaderboard, beside_texts, cells, failure_title, rank_text
from reports.read import CellView
from reports.read.plan import BASE_ARM
from reports.read.spent import Spent
from reports.reading import UNITS
from reports.spent import amount_text, spent_texts
from reports.statistics import Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Whisker:
    """An interval along a bar, in percent of the bar's width from its left end."""

    low: float
    width: float
    mean: float
    zero: float
    """Where zero lies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column."""

    title: str
    kind: str
    """"arm", "score", "difference", or a CSS class."""
    unit: str = ""
    """Of compute, if the column is one of several of which the page shows one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell of an arm's row."""

    kind: str
    unit: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One arm's row."""

    name: str
    role: str
    """What the arm is in this comparison: baseline, control of another, untrained; empty for any other."""
    family: str
    parameters: str
    """Where the arm's parameters come from; empty for the untrained model."""
    kind: str
    """"base", "baseline", "control" or "arm"."""
    colour: str
    """The page's colour of the arm in every figure, as CSS."""
    said: str
    """The verdict; empty for the baseline and the untrained model."""
    verdict: str
    """"improved", "regressed", "equivalent", "unsure" or "none"."""
    elsewhere: str
    """The difference for the other target."""
    cells: tuple[Cell, ...]
    bar: Whisker | None
    """Of the score."""
    whisker: Whisker | None
    """Of the difference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standings:
    """The whole table, best score first, failed cells under their arm."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Standing, tuple[str, ...]], ...]


def standings(board: Leaderboard, looks: Mapping[str, Look]) -> Standings:
    """Return the table of the page."""
    colours = {arm: VARIABLES[look.colour] for arm, look in looks.items()}
    span = _span(row.difference for row in board.rows if _is_drawn(row, board))
    scores = _span((row.primary for row in board.rows), anchored=False)
    return Standings(
        columns=tuple(_columns(board)),
        rows=tuple(
            (
                _standing(row, board, (scores, span), colours.get(row.arm, VARIABLES[FAINT])),
                tuple(_failure(cell, spent) for cell, spent in row.failures),
            )
            for row in board.ranked
        ),
    )


def _failure(cell: CellView, spent: Spent) -> str:
    tokens, flops, seconds, lost, steps = spent_texts(spent)
    used = f"{tokens} generated tokens, {flops} FLOPs, {seconds} device-seconds ({lost} lost), {steps} steps"
    return f"{failure_title(cell)}; used {used}"


def _columns(board: Leaderboard) -> Iterable[Column]:
    yield Column(title="rank", kind="rank")
    yield Column(title="arm", kind="arm")
    yield Column(title=f"{board.primary} (%)", kind="score")
    yield Column(title=f"less {board.baseline} (points)", kind="difference")
    yield Column(title="seeds", kind="seeds")
    yield Column(title="sd over seeds (points)", kind="narrow")
    yield Column(title="erratic falls", kind="narrow")
    yield Column(title="regressed on", kind="narrow broken")
    yield Column(title="mean score over equal compute (%)", kind="narrow")
    yield from (Column(title=name, kind="narrow", unit=unit) for unit, (_, name) in UNITS.items())
    yield from (Column(title=f"{suite} (%)", kind="narrow") for suite in board.suites)


def _texts(row: ArmRow, board: Leaderboard) -> Iterable[str]:
    score, difference = cells(row, board)[3:5]
    yield from (rank_text(row), row.arm, score, difference, f"{row.seeds}/{row.planned_seeds}")
    yield from beside_texts(row, board)
    yield from (amount_text(row.spent, unit) for unit in UNITS)
    yield from (formatting.score(row.suites[suite]) for suite in board.suites)


def _standing(
    row: ArmRow, board: Leaderboard, spans: tuple[tuple[float, float] | None, tuple[float, float] | None], colour: str
) -> Standing:
    said = "" if row.verdict is None or row.arm == BASE_ARM else row.verdict
    return Standing(
        name=row.arm,
        role=row.role,
        family=row.family,
        parameters=row.parameters,
        kind=_kind(row, board),
        colour=colour,
        said=said,
        verdict={"": "none", "can't tell": "unsure"}.get(said, said),
        elsewhere="" if row.against is None else formatting.points(row.against.elsewhere),
        cells=tuple(
            Cell(kind=column.kind, unit=column.unit, text=text)
            for column, text in zip(_columns(board), _texts(row, board), strict=True)
        ),
        bar=_whisker(row.primary, spans[0]),
        whisker=_whisker(row.difference, spans[1]) if _is_drawn(row, board) else None,
    )


def _kind(row: ArmRow, board: Leaderboard) -> str:
    if row.arm == BASE_ARM:
        return "base"
    if row.arm == board.baseline:
        return "baseline"
    return "control" if row.control else "arm"


def _is_drawn(row: ArmRow, board: Leaderboard) -> bool:
    """The untrained model is left out: its distance would squeeze the arms' differences together."""
    return row.arm not in (BASE_ARM, board.baseline) and row.difference is not None


def _span(intervals: Iterable[Interval | None], *, anchored: bool = True) -> tuple[float, float] | None:
    """Return what a bar stretches over; with zero on it, if it is anchored there."""
    ends = [
        end
        for interval in intervals
        if interval is not None
        for end in (interval.mean, interval.low, interval.high)
        if end is not None
    ]
    if not ends:
        return None
    low, high = min([*ends, *([0.0] if anchored else [])]), max([*ends, *([0.0] if anchored else [])])
    room = 0.04 * (high - low) or 0.01
    return low - room, high + room


def _whisker(interval: Interval | None, span: tuple[float, float] | None) -> Whisker | None:
    if interval is None or span is None:
        return None
    start, end = span

    def place(value: float) -> float:
        return round(100 * (value - start) / (end - start), 2)

    low = place(interval.mean if interval.low is None else interval.low)
    high = place(interval.mean if interval.high is None else interval.high)
    return Whisker(low=low, width=round(high - low, 2), mean=place(interval.mean), zero=place(0.0))
