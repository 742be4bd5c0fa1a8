"""The variances that a run has shown, to plan the next one."""

from __future__ import annotations

import math

from reports.comparison import default_reading
from reports.errors import ReportError
from reports.read import Run
from reports.reading import Reading
from reports.statistics import Variances, effect
from reports.verdicts.pairs import pairs


def pilot_variances(run: Run) -> dict[str, Variances]:
    """Return the variances of each suite, means over all arms that are compared with the baseline.

    A suite with one answer an item can't tell its samples from the rest: all of it counts as samples.

    Raises:
        ReportError: If no arm has two seeds in common with the baseline.
    """
    at = default_reading(run)
    found = {suite.name: _of_suite(run, suite.name, at) for suite in run.plan.suites}
    known = {name: variances for name, variances in found.items() if variances is not None}
    if not known:
        raise ReportError(
            f"{run.plan.name}: no arm has two seeds in common with the baseline {run.plan.baseline}, so there are no "
            "variances to plan with; run at least two seeds of two arms"
        )
    return known


def _of_suite(run: Run, suite: str, at: Reading) -> Variances | None:
    """Return the mean variances of a suite over arms; None without any arm."""
    rows = []
    for arm in run.plan.challengers:
        paired = pairs(run, (arm, run.plan.baseline), at, (suite,))
        if len(paired.seeds) < 2:
            continue
        (part,) = effect(paired.differences).components
        within = _within(run, (arm, run.plan.baseline), suite, at, paired.seeds)
        samples = run.plan.suite(suite).samples
        if within is None:
            within = part.rest * samples / 2
        rest = max(0.0, part.rest - 2 * within / samples)
        rows.append((part.between_items, within, math.sqrt(part.between_seeds / 2), rest))
    if not rows:
        return None
    items, within, seeds, rest = (math.fsum(column) / len(rows) for column in zip(*rows, strict=True))
    return Variances(between_items=items, within_item=within, seed_sd=seeds, interaction=rest)


def _within(run: Run, arms: tuple[str, str], suite: str, at: Reading, seeds: tuple[int, ...]) -> float | None:
    """Return the variance of one answer around its item's score, a mean over both arms; None where unknown."""
    found = []
    for arm in arms:
        for seed in seeds:
            weights = at.of(arm, seed)
            items = run.items.of(arm, seed, next(iter(weights)), suite)
            if items is None or not items.counted or items.samples < 2:
                return None
            wrong = items.samples - items.correct
            found.append(float((items.correct * wrong).mean()) / (items.samples * (items.samples - 1)))
    return math.fsum(found) / len(found)
