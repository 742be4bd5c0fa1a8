"""Several comparisons that are made together, each with its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reports.comparison import PRIMARY, scores_by_seed
from reports.read import Run
from reports.reading import Reading
from reports.statistics import (
    LIKE_THESE,
    THESE,
    Effect,
    Interval,
    Target,
    Verdict,
    benjamini_hochberg,
    effect,
    holm,
    holm_levels,
    side,
    tie_ranks,
)
from reports.verdicts.couples import all_effects
from reports.verdicts.noise import floor_of
from reports.verdicts.pairs import pairs

LEVEL = 0.95
Together = Literal["holm", "benjamini-hochberg"]
"""How many comparisons share the doubt: no false claim among all, or few among the claims (for secondary tables)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One arm against another."""

    arm: str
    other: str
    effect: Effect | None
    """None when no seed has both."""
    interval: Interval | None
    """Of the arm less the other, at the level that the number of comparisons leaves."""
    elsewhere: Interval | None
    """The same for the other target: these items where the verdict is on items like these, and the other way round."""
    p_value: float
    """Adjusted for the number of comparisons; 1 where nothing can be told."""
    margin: float
    """Differences up to here don't matter or are measurement noise, as a fraction."""
    verdict: Verdict | None
    """None when no seed has both."""
    left_out: str
    """Seeds and items that could not be paired; empty when all were."""


def judged(
    run: Run,
    compared: Sequence[tuple[str, str]],
    at: Reading,
    suite: str | None,
    together: Together = "holm",
    other_at: Reading | None = None,
) -> tuple[Judged, ...]:
    """Return each pair of arms with its verdict, in the order given.

    Args:
        run: The run.
        compared: Arm and the arm that it is compared with.
        at: Where cells are read.
        suite: Name of a suite; None for the plain mean of the plan's primary suites.
        together: How the comparisons share the doubt.
        other_at: Where the other arms are read, if elsewhere.
    """
    suites = run.plan.primary_suites if suite is None else (suite,)
    found = [pairs(run, both, at, suites, other_at) for both in compared]
    effects = [effect(one.differences) if one.differences else None for one in found]
    raw = [one.p_value(run.plan.rule.items) for one in effects if one is not None]
    shares = zip(*_shared(raw, together), strict=True)
    return tuple(
        Judged(arm=both[0], other=both[1], left_out=paired.left_out, **_NOTHING)
        if one is None
        else _judged(run, both, suites, one, next(shares), paired.left_out)
        for both, one, paired in zip(compared, effects, found, strict=True)
    )


_NOTHING: dict[str, Any] = {
    "effect": None,
    "interval": None,
    "elsewhere": None,
    "p_value": 1.0,
    "margin": 0.0,
    "verdict": None,
}


def other_target(target: Target) -> Target:
    """Return the one of the two that `target` isn't."""
    return THESE if target == LIKE_THESE else LIKE_THESE


def _judged(
    run: Run, both: tuple[str, str], suites: Sequence[str], found: Effect, share: tuple[float, float], left_out: str
) -> Judged:
    """Return one comparison with its verdict; `share` is its adjusted p-value and the level of its interval."""
    rule, (adjusted, level) = run.plan.rule, share
    floor, interval = floor_of(run, suites, found.seeds), found.interval(level, rule.items)
    verdict: Verdict = "can't tell" if found.flat else rule.judge(interval, floor)
    if found.identical:
        verdict = "equivalent"
    if verdict in ("improved", "regressed") and adjusted > 1 - LEVEL:
        verdict = "can't tell"
    return Judged(
        arm=both[0],
        other=both[1],
        effect=found,
        interval=interval,
        elsewhere=found.interval(level, other_target(rule.items)),
        p_value=adjusted,
        margin=max(rule.margin, floor),
        verdict=verdict,
        left_out=left_out,
    )


def ranks(run: Run, arms: Sequence[str], at: Reading) -> dict[str, int]:
    """Return the rank of each arm on the primary score: all that aren't told from the leader of a group share its rank.

    Every pair of arms is compared, and all of these comparisons share the doubt (Holm).
    """
    found = {couple: one for couple, one in all_effects(run, arms, at, run.plan.primary_suites).items() if one}
    raw = [_doubt(one, run.plan.rule.items) for one in found.values()]
    apart = {frozenset(couple) for couple, p_value in zip(found, holm(raw), strict=True) if p_value < 1 - LEVEL}
    by_seed = [scores_by_seed(run, arm, at, PRIMARY) for arm in arms]
    scores = [sum(seeds.values()) / len(seeds) for seeds in by_seed]
    table = [[frozenset((one, other)) in apart for other in arms] for one in arms]
    return dict(zip(arms, tie_ranks(scores, table), strict=True))


def _doubt(found: Effect, target: Target) -> float:
    """Return the p-value, or 1 where it is more than a claim may have: most arms are close, and intervals are cheap."""
    return 1.0 if side(found.interval(LEVEL, target)) == "can't tell" else found.p_value(target)


def _shared(p_values: list[float], together: Together) -> tuple[list[float], list[float]]:
    if together == "holm":
        return holm(p_values), holm_levels(p_values, LEVEL)
    return benjamini_hochberg(p_values), [LEVEL] * len(p_values)
