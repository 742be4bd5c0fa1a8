"""What two sides differ by: scores, items, settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import formatting
from reports.compare.sides import Side
from reports.errors import ReportError
from reports.statistics import Interval, Verdict, effect, mean_interval
from reports.statistics.items import ItemChanges, item_changes
from reports.verdicts.noise import floor_of
from reports.verdicts.pairs import items_at, matrix_of
from reports.verdicts.regressions import counts_at
from suites.contract import differences

SeedPair = tuple[int, int]
"""A training seed of each side."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OnSuite:
    """Two sides on one suite; differences are A less B."""

    suite: str
    scores: tuple[float, float]
    """Means over the seeds and items that are paired."""
    seeds: tuple[SeedPair, ...]
    over_seeds: Interval
    """Of another training run, by the rule of A's plan; without an interval for a single pair of seeds."""
    verdict: Verdict
    over_items: Interval
    """Of these very models on items like these: it says nothing of another training run."""
    changes: ItemChanges
    items: tuple[str, ...]
    """In the order of the places in `changes`."""
    right: tuple[NDArray[np.int64], NDArray[np.int64]]
    """Right answers of each item over all seeds, of A and B."""
    drawn: tuple[int, int]
    """Answers of each item over all seeds."""
    left_out: str


def compared(a: Side, b: Side, suites: Sequence[str] = (), seed: int | None = None) -> list[OnSuite]:
    """Return two sides on all suites that both have.

    Args:
        a: The one.
        b: The other, which is subtracted.
        suites: These only.
        seed: This training seed only.

    Raises:
        ReportError: If they have no suite, seed or item in common, or a suite has other terms on either side.
    """
    theirs = {suite.name: suite for suite in b.run.plan.suites}
    names = [suite.name for suite in a.run.plan.suites if suite.name in theirs]
    unknown = [suite for suite in suites if suite not in names]
    if unknown or not names:
        raise ReportError(f"no suite {', '.join(unknown)} that both have; A and B share {', '.join(names) or 'none'}")
    found = [_on_suite(a, b, name, seed) for name in names if not suites or name in suites]
    known = [one for one in found if one is not None]
    if not known:
        wanted = "no seed" if seed is None else f"no records of seed {seed}"
        raise ReportError(f"{a.name} and {b.name} have {wanted} on a suite in common; evaluate both on the same suites")
    return known


def settings_that_differ(a: Side, b: Side) -> list[tuple[str, str, str]]:
    """Return in what the plans, the arms and the places where they ran differ: name, A's value, B's."""
    names = dict.fromkeys([*a.settings, *b.settings])
    rows = [(name, a.settings.get(name), b.settings.get(name)) for name in names]
    return [(name, _shown(one), _shown(other)) for name, one, other in rows if one != other]


def _on_suite(a: Side, b: Side, suite: str, seed: int | None) -> OnSuite | None:
    _require_same_terms(a, b, suite)
    pairs, lacking = _seed_pairs(a, b, suite, seed)
    if not pairs:
        return None
    columns = [(_column(a, one, suite), _column(b, other, suite)) for one, other in pairs]
    matrix, dropped = matrix_of(columns)
    if matrix.shape[1] == 0:
        raise ReportError(f"{suite}: the two sides have no item in common")
    one = counts_at(a.run, a.arm, suite, a.at, tuple(pair[0] for pair in pairs))
    other = counts_at(b.run, b.arm, suite, b.at, tuple(pair[1] for pair in pairs))
    if one is None or other is None:
        raise ReportError(f"{suite}: items can be told at a checkpoint only, not between two")
    names = tuple(name for name in one[0] if name in set(other[0]))
    right = _picked(one, names), _picked(other, names)
    found, rule = effect([matrix]), a.run.plan.rule
    over_seeds = found.interval(target=rule.items)
    floor = floor_of(a.run, (suite,), found.seeds)
    verdict: Verdict = (
        "equivalent" if found.identical else "can't tell" if found.flat else rule.judge(over_seeds, floor)
    )
    notes = [*lacking, *([f"{formatting.counted(dropped, 'item')}"] if dropped else [])]
    return OnSuite(
        suite=suite,
        scores=_means(columns, matrix),
        seeds=tuple(pairs),
        over_seeds=over_seeds,
        verdict=verdict,
        over_items=_over_items(matrix),
        changes=item_changes(right[1], right[0], (other[2], one[2])),
        items=names,
        right=right,
        drawn=(one[2], other[2]),
        left_out="; ".join(notes),
    )


def _seed_pairs(a: Side, b: Side, suite: str, seed: int | None) -> tuple[list[SeedPair], list[str]]:
    """Return the seeds that are paired, and those that aren't, in words.

    Seeds are paired by number; a single one of either side is paired with the other's whatever their numbers.
    """
    ours, theirs = ([one for one in side.run.plan.seeds if side.has(one, suite)] for side in (a, b))
    if seed is not None:
        ours, theirs = ([one for one in found if one == seed] for found in (ours, theirs))
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])], []
    common = [one for one in ours if one in theirs]
    notes = [
        f"{name}: {formatting.counted(len(alone), 'seed')} without its pair ({', '.join(map(str, alone))})"
        for name, alone in (
            ("A", [one for one in ours if one not in theirs]),
            ("B", [one for one in theirs if one not in ours]),
        )
        if alone
    ]
    return [(one, one) for one in common], notes


def _column(side: Side, seed: int, suite: str) -> Any:
    found = items_at(side.run, side.arm, seed, side.at, suite)
    if found is None:
        raise ReportError(f"{side.name}, seed {seed}: no record of {suite}")
    return found


def _means(columns: list[tuple[Any, Any]], matrix: NDArray[np.float64]) -> tuple[float, float]:
    names = set(columns[0][0].names).intersection(*(set(column.names) for pair in columns for column in pair))
    sums = []
    for one, _ in columns:
        kept = [score for name, score in zip(one.names, one.scores, strict=True) if name in names]
        sums.append(math.fsum(kept) / len(kept))
    score = math.fsum(sums) / len(sums)
    return score, score - float(matrix.mean())


def _over_items(matrix: NDArray[np.float64]) -> Interval:
    return mean_interval(matrix.mean(axis=0).tolist())


def _picked(counts: Any, names: tuple[str, ...]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(counts[0])}
    return np.asarray(counts[1][[places[name] for name in names]], dtype=np.int64)


def _require_same_terms(a: Side, b: Side, suite: str) -> None:
    ours, theirs = a.run.plan.suite(suite), b.run.plan.suite(suite)
    if ours.sha256 == theirs.sha256:
        return
    lines = differences(ours.terms, theirs.terms) if ours.terms and theirs.terms else []
    raise ReportError(
        f"{suite} is another suite in A than in B, so scores can't be compared "
        f"({'; '.join(lines) or 'in what, they do not say'}); evaluate both on the same, or leave it out with --suite"
    )


def _shown(value: Any) -> str:
    return "\N{EM DASH}" if value is None else str(value)
