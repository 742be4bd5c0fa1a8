"""What stands beside an arm's score: how steady it is, what it broke, and what it made of its compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.consistency import Steadiness, steadiness
from reports.efficiency import Efficiency, efficiency
from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.reading import UNITS, Reading
from reports.regressions import all_regressions
from reports.verdicts.regressions import PREVIOUS, Regression, before


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """All trained arms, where the plan compares them."""

    steadiness: Sequence[Steadiness]
    regressions: Sequence[Regression]
    made: Mapping[str, Sequence[Efficiency]]
    """What arms made of compute, by its unit."""
    unit: str
    """Of the plan's budget."""

    @property
    def efficiency(self) -> Sequence[Efficiency]:
        """What arms made of compute, in the unit of the plan's budget."""
        return self.made[self.unit]

    def steadiness_of(self, arm: str) -> Steadiness | None:
        """Return how steady an arm is; None for the untrained model."""
        return next((one for one in self.steadiness if one.arm == arm), None)

    def efficiency_of(self, arm: str) -> Efficiency | None:
        """Return what an arm made of its compute; None for the untrained model."""
        return next((one for one in self.efficiency if one.arm == arm), None)

    def broken(self, arm: str) -> list[Regression]:
        """Return on which suites an arm fell, told from noise: below the untrained model, or below the baseline."""
        return [
            one
            for one in self.regressions
            if one.arm == arm and one.reference != PREVIOUS and one.finding == "regressed"
        ]

    def side_effects(self, arm: str) -> list[Regression]:
        """Return what an arm broke beside what its verdict says: a primary suite below the baseline is left out."""
        return [one for one in self.broken(arm) if one.forgetting or one.reference == BASE_ARM]


def beside(run: Run, at: Reading) -> Beside:
    """Return what stands beside the scores of a run."""
    run.items.read_ahead(
        (arm, seed, checkpoint, suite.name)
        for where in (at, before(run, at))
        for arm in run.plan.arms
        for seed in run.plan.seeds
        for checkpoint in (0, *where.of(arm, seed))
        for suite in run.plan.suites
    )
    return Beside(
        steadiness=[steadiness(run, arm, at) for arm in run.plan.trained_arms],
        regressions=all_regressions(run, at),
        made={unit: efficiency(run, unit) for unit in UNITS},
        unit=run.compute_unit,
    )
