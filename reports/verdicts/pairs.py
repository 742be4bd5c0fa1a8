"""Two arms, paired by seed and by item: the differences, and what could not be paired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import formatting
from reports.read import Run
from reports.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """The scores of one arm less another's, on the seeds and items that both have."""

    differences: tuple[NDArray[np.float64], ...]
    """For each suite, shape (S, n); empty when no seed has both."""
    seeds: tuple[int, ...]
    left_out: str
    """Which seeds and items are not in it; empty when all are."""


@dataclass(frozen=True, slots=True)
class ItemColumn:
    """What the items of one cell score where it is read."""

    names: tuple[str, ...]
    scores: NDArray[np.float64]


def pairs(
    run: Run, arms: tuple[str, str], at: Reading, suites: Sequence[str], other_at: Reading | None = None
) -> Pairs:
    """Return the differences between two arms, the first less the second.

    A seed counts if both arms have all of the suites; an item counts if every such seed of both arms has it.

    Args:
        run: The run.
        arms: The two.
        at: Where their cells are read.
        suites: On which they are compared.
        other_at: Where the second is read, if elsewhere.
    """
    found: dict[int, list[tuple[ItemColumn, ItemColumn]]] = {}
    lacking = []
    for seed in run.plan.seeds:
        readings = zip(arms, (at, at if other_at is None else other_at), strict=True)
        ours, theirs = ([items_at(run, arm, seed, where, suite) for suite in suites] for arm, where in readings)
        both = [(one, other) for one, other in zip(ours, theirs, strict=True) if one is not None and other is not None]
        if len(both) == len(suites):
            found[seed] = both
        else:
            lacking.append(str(seed))
    notes = [f"{'seed' if len(lacking) == 1 else 'seeds'} {formatting.listing(lacking)}"] if lacking else []
    differences = []
    for place, suite in enumerate(suites if found else ()):
        matrix, dropped = matrix_of([both[place] for both in found.values()])
        differences.append(matrix)
        notes += [f"{formatting.counted(dropped, 'item')} of {suite}"] if dropped else []
    if any(matrix.shape[1] == 0 for matrix in differences):
        differences, found = [], {}
    return Pairs(
        differences=tuple(differences), seeds=tuple(found), left_out=formatting.listing(notes) if notes else ""
    )


def items_at(run: Run, arm: str, seed: int, at: Reading, suite: str) -> ItemColumn | None:
    """Return the scores of a cell's items where it is read, those of several checkpoints weighted; None if it isn't."""
    weights = at.of(arm, seed)
    read = [(weight, run.items.of(arm, seed, checkpoint, suite)) for checkpoint, weight in weights.items()]
    known = [(weight, items) for weight, items in read if items is not None]
    if not known or len(known) < len(read):
        return None
    names = known[0][1].names
    if all(items.names is names for _, items in known):
        parts = [weight * items.scores for weight, items in known]
        return ItemColumn(names, sum(parts[1:], parts[0]))
    sets = [set(items.names) for _, items in known]
    common = [name for name in names if all(name in one for one in sets)]
    parts = [weight * _picked(ItemColumn(items.names, items.scores), common) for weight, items in known]
    return ItemColumn(tuple(common), sum(parts[1:], parts[0]))


def matrix_of(both: list[tuple[ItemColumn, ItemColumn]]) -> tuple[NDArray[np.float64], int]:
    """Return the differences (S, n) on the items that all have, and how many items some had and others not."""
    import numpy as np

    names = both[0][0].names
    if all(items.names is names or items.names == names for pair in both for items in pair):
        return np.stack([one.scores - other.scores for one, other in both]), 0
    sets = [set(items.names) for pair in both for items in pair]
    common = [name for name in names if all(name in known for known in sets)]
    rows = [_picked(one, common) - _picked(other, common) for one, other in both]
    return np.stack(rows), len(set().union(*sets)) - len(common)


def _picked(items: ItemColumn, names: list[str]) -> NDArray[np.float64]:
    places = {name: place for place, name in enumerate(items.names)}
    return items.scores[[places[name] for name in names]]
