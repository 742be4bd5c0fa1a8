"""Every arm against every other: those that have the same seeds and items, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.read import Run
from reports.reading import Reading
from reports.statistics import Effect, effect
from reports.statistics.effects import effects
from reports.verdicts.pairs import ItemColumn, items_at, pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Couple = tuple[str, str]


def all_effects(run: Run, arms: Sequence[str], at: Reading, suites: Sequence[str]) -> dict[Couple, Effect | None]:
    """Return the effect of each arm less each one after it, in their order; None when no seed has both.

    Args:
        run: The run.
        arms: The arms.
        at: Where their cells are read.
        suites: On which they are compared.
    """
    found: dict[Couple, Effect | None] = {}
    whole = _whole(run, arms, at, suites)
    for place, one in enumerate(arms):
        found |= {(one, other): None for other in arms[place + 1 :]}
        alike = [other for other in arms[place + 1 :] if one in whole and other in whole]
        if alike:
            differences = [
                whole[one][suite] - _stacked([whole[other][suite] for other in alike]) for suite in range(len(suites))
            ]
            found |= zip([(one, other) for other in alike], effects(differences), strict=True)
        for other in set(arms[place + 1 :]).difference(alike):
            paired = pairs(run, (one, other), at, suites)
            found[one, other] = effect(paired.differences) if paired.differences else None
    return found


def _whole(run: Run, arms: Sequence[str], at: Reading, suites: Sequence[str]) -> dict[str, list[NDArray[np.float64]]]:
    """Return of each arm that has all seeds, with the same items in the same order, its scores (S, n) on each suite."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    names: list[tuple[str, ...]] = []
    for arm in arms:
        columns = [[items_at(run, arm, seed, at, suite) for seed in run.plan.seeds] for suite in suites]
        known = [[column for column in of_suite if column is not None] for of_suite in columns]
        if [len(of_suite) for of_suite in known] != [len(run.plan.seeds)] * len(suites):
            continue
        names = names or [of_suite[0].names for of_suite in known]
        if all(_same(of_suite, first) for of_suite, first in zip(known, names, strict=True)):
            found[arm] = [_stacked([column.scores for column in of_suite]) for of_suite in known]
    return found


def _same(columns: Sequence[ItemColumn], names: tuple[str, ...]) -> bool:
    return all(column.names is names or column.names == names for column in columns) and len(names) > 0


def _stacked(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    import numpy as np

    return np.stack(list(arrays))
