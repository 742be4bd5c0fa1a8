"""Score against compute: the area under the curve, what the baseline's score costs, and who is on the front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reports import formatting
from reports.blocks import Table
from reports.comparison import PRIMARY, scores_at, scores_by_seed
from reports.read import Run
from reports.reading import UNITS, Cell, at_checkpoint, spent_by_checkpoint
from reports.statistics import Interval, mean_interval
from reports.statistics.efficiency import Censored, area_under, censored_median, compute_to, cost_profile, pareto_front

TITLE = "Score for compute"
FACTORS = (1, 2, 4)
TOLERANCE = 0.02
"""Cells stop at the first step past their budget; costs within this share count as equal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One seed: compute and score at each evaluation, from the untrained model on."""

    compute: list[float]
    scores: list[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Efficiency:
    """One arm on the primary score, in one unit of compute."""

    arm: str
    area: Interval | None
    """Mean score over the compute that all arms used; None where no seed's compute is known that far."""
    to_baseline: Censored | None
    """Compute to the baseline's final score."""
    cost: float
    """What training used, mean over the seeds that came to their end; NaN where unknown."""
    score: float
    """There, mean over seeds."""
    on_front: bool
    """Whether no other arm scores at least as much for at most as much compute."""


def efficiency(run: Run, unit: str) -> list[Efficiency]:
    """Return what each trained arm makes of compute.

    Args:
        run: The run.
        unit: Of `reports.reading.UNITS`.
    """
    spent = spent_by_checkpoint(run, unit)
    curves = {arm: _curves(run, arm, spent, PRIMARY) for arm in run.plan.trained_arms}
    target = _final(run, run.plan.baseline, PRIMARY)
    ends = [curve.compute[-1] for found in curves.values() for curve in found]
    until = min(ends, default=math.nan)
    finals = [
        (_mean([curve.compute[-1] for curve in found]), _final(run, arm, PRIMARY)) for arm, found in curves.items()
    ]
    front = pareto_front([cost for cost, _ in finals], [score for _, score in finals], TOLERANCE)
    rows = []
    for place, (arm, found) in enumerate(curves.items()):
        areas = [area for curve in found if (area := area_under(curve.compute, curve.scores, until)) is not None]
        costs = [compute_to(curve.compute, curve.scores, target) for curve in found] if not math.isnan(target) else []
        rows.append(
            Efficiency(
                arm=arm,
                area=mean_interval(areas) if areas else None,
                to_baseline=censored_median(costs) if costs else None,
                cost=finals[place][0],
                score=finals[place][1],
                on_front=place in front,
            )
        )
    return rows


def efficiency_table(run: Run, unit: str, found: Iterable[Efficiency]) -> Table:
    """Return what each trained arm makes of compute, as texts."""
    name, several = UNITS[unit][1], len(run.plan.primary_suites) > 1
    titles = [
        "arm", "mean score over equal compute (%)", f"{name} to the final score of {run.plan.baseline}",
        "seeds that got there", "on the front of score against compute",
    ]  # fmt: skip
    titles += [f"suites at most {factor}x the cheapest arm (%)" for factor in FACTORS if several]
    profiles = _profiles(run, unit) if several else {}
    rows = [(*_texts(one), *profiles.get(one.arm, ())) for one in found]
    return Table(header=tuple(titles), rows=tuple(rows))


def _texts(found: Efficiency) -> tuple[str, ...]:
    cost, there = formatting.UNKNOWN, formatting.UNKNOWN
    if (to := found.to_baseline) is not None:
        ends = f"[{_amount(to.low)}, {_amount(to.high)}], covers {to.coverage:.0%}" if to.coverage else "n/a (1 seed)"
        cost = formatting.Number(f"{_amount(to.median)} {ends}", to.median)
        there = f"{'all' if not to.missed else f'{to.missed} missed'}"
    return found.arm, formatting.score(found.area), cost, there, "yes" if found.on_front else "no"


def _amount(value: float) -> str:
    return "never" if math.isinf(value) else formatting.quantity(value)


def _curves(run: Run, arm: str, spent: Mapping[Cell, list[float]], suite: str | None) -> list[Curve]:
    """Return the curves of the seeds that came to their end with known compute."""
    scores = [scores_at(run, arm, number, suite) for number in range(run.plan.checkpoints + 1)]
    found = []
    for seed in run.plan.seeds:
        amounts = spent.get((arm, seed), [])
        whole = len(amounts) == len(scores) and not any(math.isnan(amount) for amount in amounts)
        if whole and seed in scores[-1]:
            known = [(amount, at[seed]) for amount, at in zip(amounts, scores, strict=True) if seed in at]
            found.append(Curve(compute=[amount for amount, _ in known], scores=[score for _, score in known]))
    return found


def _profiles(run: Run, unit: str) -> dict[str, tuple[str, ...]]:
    """Return for each arm the share of primary suites on which it reaches the baseline's score for how much compute."""
    import numpy as np

    arms, suites = run.plan.trained_arms, run.plan.primary_suites
    spent = spent_by_checkpoint(run, unit)
    targets = {suite: _final(run, run.plan.baseline, suite) for suite in suites}
    costs = [
        [
            _median([compute_to(one.compute, one.scores, targets[suite]) for one in _curves(run, arm, spent, suite)])
            for suite in suites
        ]
        for arm in arms
    ]
    shares = cost_profile(np.array(costs), list(map(float, FACTORS)))
    return {arm: tuple(formatting.percent(share) for share in row) for arm, row in zip(arms, shares, strict=True)}


def _final(run: Run, arm: str, suite: str | None) -> float:
    return _mean(list(scores_by_seed(run, arm, at_checkpoint(run, run.plan.checkpoints), suite).values()))


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _median(values: list[float]) -> float:
    return censored_median(values).median if values else math.nan
