"""What got worse: against the untrained model, the checkpoint before, and the baseline, by suite and by item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reports.read import Run
from reports.reading import Reading, at_checkpoint
from reports.statistics import Effect, Interval, Rule, effect, holm_levels
from reports.statistics.items import ItemChanges, item_changes
from reports.verdicts.noise import floor_of
from reports.verdicts.pairs import pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = tuple[tuple[str, ...], NDArray[np.int64], int]

PREVIOUS = "previous"
"""Stands for the checkpoint before the one that is read, in the place of an arm that is compared with."""
LEVEL = 0.95
Finding = Literal["regressed", "held", "can't tell"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """What is looked at."""

    arms: tuple[str, ...]
    reference: str
    """An arm, `base` for the untrained model, or `previous`."""
    suites: tuple[str, ...]
    rule: Rule
    """The margin, and what intervals hold for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Regression:
    """One arm against one reference on one suite."""

    arm: str
    reference: str
    suite: str
    forgetting: bool
    """Whether training didn't aim at the suite: it is no primary one."""
    interval: Interval | None
    """Of the arm less the reference at 95%, by itself; None when no seed has both."""
    margin: float
    """A fall within it is no regression, as a fraction."""
    finding: Finding
    """"regressed": fell by more than the margin, told at 95% among all that were looked at. "held": the interval lies
    above minus the margin."""
    changes: ItemChanges | None
    """Which items were gained and lost, over all seeds; None when no seed has both, or a score is between two
    checkpoints."""
    items: tuple[str, ...]
    """Names of the items, in the order of the places in `changes`."""
    left_out: str
    """Seeds and items that could not be paired; empty when all were."""


def regressions(run: Run, looked: Lookup, at: Reading) -> list[Regression]:
    """Return for each arm and suite whether it fell below the reference.

    Claims that something fell share the doubt (Holm over all arms and suites). That nothing fell is claimed only if
    every interval says so by itself, which needs no sharing: an intersection-union test.

    References:
        Berger 1982, https://doi.org/10.1080/00401706.1982.10487790.
    """
    other_at = before(run, at) if looked.reference == PREVIOUS else at
    asked = [(arm, suite) for arm in looked.arms for suite in looked.suites]
    found = [pairs(run, (arm, _other(arm, looked)), at, (suite,), other_at) for arm, suite in asked]
    effects = [effect(one.differences) if one.differences else None for one in found]
    levels = iter(holm_levels([one.p_value(looked.rule.items) for one in effects if one is not None], LEVEL))
    rows = []
    for (arm, suite), one, paired in zip(asked, effects, found, strict=True):
        floor = 0.0 if one is None else floor_of(run, (suite,), one.seeds)
        names, changes = _changes(run, (arm, _other(arm, looked)), suite, (at, other_at), paired.seeds)
        rows.append(
            Regression(
                arm=arm,
                reference=looked.reference,
                suite=suite,
                forgetting=suite not in run.plan.primary_suites,
                interval=None if one is None else one.interval(LEVEL, looked.rule.items),
                margin=max(looked.rule.margin, floor),
                finding="can't tell" if one is None else _finding(one, looked.rule, floor, next(levels)),
                changes=changes,
                items=names,
                left_out=paired.left_out,
            )
        )
    return rows


def before(run: Run, at: Reading) -> Reading:
    """Return the reading of each cell one checkpoint earlier; between two checkpoints, at the earlier one."""
    if at.everywhere is not None:
        return at_checkpoint(run, max(at.everywhere - 1, 0))
    weights = {cell: {max(min(found) - (len(found) == 1), 0): 1.0} for cell, found in at.weights.items() if found}
    return Reading(words="at the checkpoint before", weights=weights)


def _other(arm: str, looked: Lookup) -> str:
    return arm if looked.reference == PREVIOUS else looked.reference


def _finding(found: Effect, rule: Rule, floor: float, level: float) -> Finding:
    alone, among_all = found.interval(LEVEL, rule.items), found.interval(level, rule.items)
    if found.identical:
        return "held"
    if found.flat or alone.low is None:
        return "can't tell"
    if rule.judge(among_all, floor) == "regressed":
        return "regressed"
    return "held" if alone.low > -max(rule.margin, floor) else "can't tell"


def _changes(
    run: Run, arms: tuple[str, str], suite: str, at: tuple[Reading, Reading], seeds: tuple[int, ...]
) -> tuple[tuple[str, ...], ItemChanges | None]:
    """Return the items that both arms have in all of the seeds, and which of them were gained and lost."""
    after, start = (counts_at(run, arm, suite, where, seeds) for arm, where in zip(arms, at, strict=True))
    if after is None or start is None:
        return (), None
    if after[0] is start[0]:
        return after[0], item_changes(start[1], after[1], (start[2], after[2]))
    places = {name: place for place, name in enumerate(start[0])}
    names = tuple(name for name in after[0] if name in places)
    ours = dict(zip(after[0], after[1].tolist(), strict=True))
    import numpy as np

    before_I = start[1][[places[name] for name in names]]
    return names, item_changes(before_I, np.array([ours[name] for name in names]), (start[2], after[2]))


def counts_at(run: Run, arm: str, suite: str, at: Reading, seeds: tuple[int, ...]) -> Counts | None:
    """Return names, right answers over all seeds, and answers drawn; None without seeds, or between checkpoints."""
    import numpy as np

    names: tuple[str, ...] = ()
    total_I = np.zeros(0, dtype=np.int64)
    drawn = 0
    for place, seed in enumerate(seeds):
        weights = at.of(arm, seed)
        read = run.items.of(arm, seed, next(iter(weights)), suite) if len(weights) == 1 else None
        if read is None:
            return None
        if place == 0:
            names, total_I = read.names, read.correct
        elif read.names is names:
            total_I = total_I + read.correct
        else:
            own = dict(zip(read.names, read.correct.tolist(), strict=True))
            both = [name in own for name in names]
            names = tuple(name for name in names if name in own)
            total_I = total_I[both] + np.array([own[name] for name in names], dtype=np.int64)
        drawn += read.samples
    return (names, total_I, drawn) if names else None
