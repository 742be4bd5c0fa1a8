"""The noise floor of a run's suites: the untrained model, evaluated once for each seed, is its own A/A comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.statistics.noise import MeasurementNoise, noise_of_counts, noise_of_scores


def noise_of(run: Run, suite: str) -> MeasurementNoise | None:
    """Return how much the score of a suite moves when nothing but the random numbers changed; None where unknown.

    It is measured on the untrained model, whose evaluations differ between seeds in nothing else.
    """
    import numpy as np

    read = [run.items.of(BASE_ARM, seed, 0, suite) for seed in run.plan.seeds]
    known = [items for items in read if items is not None]
    alike = [items for items in known if items.names == known[0].names]
    if not alike:
        return None
    if alike[0].counted:
        return noise_of_counts(np.stack([items.correct for items in alike]), alike[0].samples)
    return noise_of_scores(np.stack([items.scores for items in alike]))


def floor_of(run: Run, suites: Sequence[str], seeds: int, level: float = 0.95) -> float:
    """Return how far apart the mean scores of two arms over `seeds` are by measurement alone, `level` of the time.

    It is a fraction, for the plain mean of the suites; a suite whose noise is unknown adds nothing.
    """
    found = [noise_of(run, suite) for suite in suites]
    sd = math.sqrt(math.fsum(noise.sd**2 for noise in found if noise is not None)) / len(suites)
    return MeasurementNoise(sd=sd, flip_rate=None, evaluations=0).band(level, seeds)
