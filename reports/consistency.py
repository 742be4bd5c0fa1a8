"""How steady each arm is: between seeds, over its evaluations, and how noisy the evaluations themselves are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from reports import formatting
from reports.blocks import Table
from reports.comparison import PRIMARY, scores_at, scores_by_seed
from reports.read import Run
from reports.reading import Reading
from reports.statistics.consistency import Fall, Spread, Trajectory, spread, trajectory
from reports.statistics.intervals import normal_quantile
from reports.verdicts.noise import floor_of, noise_of

TITLE = "Consistency"
DOUBT = 0.01
"""Chance that measurement alone makes any fall of an arm look erratic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Steadiness:
    """One arm, on the primary score."""

    arm: str
    spread: Spread | None
    """Over training seeds, where arms are compared; None for fewer than two."""
    trajectories: dict[int, Trajectory]
    """By seed, from the untrained model on; seeds with a single evaluation are left out."""
    checkpoints: dict[int, list[int]]
    """Of each evaluation, by seed."""

    @property
    def jumps(self) -> list[tuple[int, Fall]]:
        """Erratic falls with their seeds."""
        return [(seed, fall) for seed, found in self.trajectories.items() for fall in found.jumps]

    @property
    def rollbacks(self) -> list[tuple[int, Fall]]:
        """Would-be rollbacks with their seeds."""
        return [(seed, fall) for seed, found in self.trajectories.items() for fall in found.rollbacks]


def steadiness(run: Run, arm: str, at: Reading) -> Steadiness:
    """Return how steady an arm is.

    A fall counts as erratic if it is larger than what measurement alone gives any fall of the arm once in a hundred
    arms: the noise of the two evaluations, at a level shared among all changes of all its seeds.
    """
    scores = {number: scores_at(run, arm, number, PRIMARY) for number in range(run.plan.checkpoints + 1)}
    checkpoints = {seed: [number for number, found in scores.items() if seed in found] for seed in run.plan.seeds}
    known = {seed: found for seed, found in checkpoints.items() if len(found) > 1}
    level = 1 - DOUBT / max(sum(len(found) - 1 for found in known.values()), 1)
    floor = floor_of(run, run.plan.primary_suites, 1, level)
    return Steadiness(
        arm=arm,
        spread=spread(list(scores_by_seed(run, arm, at, PRIMARY).values())),
        trajectories={
            seed: trajectory(
                [scores[number][seed] for number in found], max(floor, _band(run, arm, seed, found, level))
            )
            for seed, found in known.items()
        },
        checkpoints=known,
    )


def consistency_table(run: Run, found: Iterable[Steadiness]) -> Table:
    """Return how steady each trained arm is."""
    titles = (
        "arm", "sd over seeds (points)", "worst seed (%)", "periods with a gain beyond noise (%)",
        "volatility (points)", "largest drawdown (points)", "erratic falls", "would-be rollbacks",
    )  # fmt: skip
    return Table(header=titles, rows=tuple(_row(run, one) for one in found))


def noise_table(run: Run) -> Table:
    """Return what the score of each suite does when nothing changed: the untrained model, evaluated once a seed."""
    titles = (
        "suite", "evaluations of the untrained model", "items that flip from answer to answer (%)",
        "sd of one evaluation (points)", "95% of A/A differences within (points)",
        f"the same for means over {formatting.counted(len(run.plan.seeds), 'seed')} (points)",
    )  # fmt: skip
    rows = []
    for suite in run.plan.suites:
        noise = noise_of(run, suite.name)
        if noise is None:
            rows.append((suite.name, *[formatting.UNKNOWN] * 5))
            continue
        flips = formatting.UNKNOWN if noise.flip_rate is None else formatting.percent(noise.flip_rate)
        bands = (noise.sd, noise.band(), noise.band(seeds=len(run.plan.seeds)))
        rows.append(
            (
                suite.name,
                f"{noise.evaluations}",
                flips,
                *map(_fine, bands),
            )
        )
    return Table(header=titles, rows=tuple(rows))


def _band(run: Run, arm: str, seed: int, checkpoints: list[int], level: float) -> float:
    """Return how far two evaluations of a seed may be apart by measurement alone, at their noisiest.

    An evaluation's own answers say how noisy it is if there are several an item; 0 where there is one.
    """
    suites = run.plan.primary_suites
    sds = []
    for checkpoint in checkpoints:
        parts = [run.scored(arm, seed, checkpoint, suite, "measurement_sd") for suite in suites]
        own = [part for part in parts if part is not None and not math.isnan(part)]
        if len(own) == len(suites):
            sds.append(math.sqrt(math.fsum(part**2 for part in own)) / len(suites))
    return normal_quantile(level) * math.sqrt(2) * max(sds, default=0.0)


def step_of(run: Run, arm: str, seed: int, checkpoint: int) -> int | None:
    """Return the optimizer step at which a checkpoint was sealed; None where the log doesn't say."""
    if checkpoint == 0:
        return 0
    rows = run.training[(run.training["arm"] == arm) & (run.training["seed"] == seed)]
    reached = rows[rows["share"] >= checkpoint / run.plan.checkpoints - 1e-9]
    return int(reached["step"].iloc[0]) if len(reached) else None


def _row(run: Run, found: Steadiness) -> tuple[str, ...]:
    paths = list(found.trajectories.values())
    volatilities = [path.volatility for path in paths if path.volatility is not None]
    worst = formatting.UNKNOWN if found.spread is None else formatting.percent(found.spread.worst)
    return (
        found.arm,
        spread_text(found.spread),
        worst,
        formatting.percent(math.fsum(path.gains for path in paths) / len(paths)) if paths else formatting.MISSING,
        _points(math.fsum(volatilities) / len(volatilities)) if volatilities else formatting.MISSING,
        _points(max(path.drawdown for path in paths)) if paths else formatting.MISSING,
        _falls(run, found, found.jumps),
        _falls(run, found, found.rollbacks),
    )


def spread_text(found: Spread | None) -> str:
    """Return the standard deviation over seeds in points, with the ends of its interval."""
    if found is None:
        return formatting.UNKNOWN
    sd, low, high = 100 * found.sd, 100 * found.low, 100 * found.high
    return formatting.Number(f"{sd:.1f} [{low:.1f}, {high:.1f}]", sd, low, high)


def _points(difference: float) -> formatting.Number:
    return formatting.Number(f"{100 * difference:.1f}", 100 * difference)


def _fine(difference: float) -> formatting.Number:
    return formatting.Number(f"{100 * difference:.2f}", 100 * difference)


def _falls(run: Run, found: Steadiness, falls: list[tuple[int, Fall]]) -> str:
    """Return how many falls there were, and where each happened."""
    if not falls:
        return "none"
    steps = [step_of(run, found.arm, seed, found.checkpoints[seed][fall.at]) for seed, fall in falls]
    return "; ".join(
        f"seed {seed}, {_place(step)}: \N{MINUS SIGN}{100 * fall.size:.1f}"
        for step, (seed, fall) in zip(steps, falls, strict=True)
    )


def _place(step: int | None) -> str:
    return "step unknown" if step is None else f"step {step}"
