"""Scores over seeds and suites together, beside the plain mean: robust to a seed or a suite that stands out."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

from reports import formatting
from reports.blocks import Table
from reports.comparison import scores_by_seed
from reports.curves import BAND_COLUMNS
from reports.read import Run
from reports.reading import Reading
from reports.statistics import Interval
from reports.statistics.aggregates import iqm, optimality_gap, performance_profile, probability_of_improvement
from reports.statistics.bootstrap import stratified_iqm_interval

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

TITLE = "Over seeds and suites"
ABOVE = (0.25, 0.5, 0.75)
REPETITIONS = 10_000


def aggregate_table(run: Run, at: Reading) -> Table:
    """Return interquartile mean, chance of improvement, optimality gap and performance profile of each trained arm.

    Over the seeds that have all primary suites. The bootstrap's draws are a function of the plan's name.
    """
    import numpy as np

    baseline = _scores(run, run.plan.baseline, at)
    rng = np.random.default_rng(zlib.crc32(run.plan.name.encode()))
    rows = []
    for arm in run.plan.trained_arms:
        scores = _scores(run, arm, at)
        if not len(scores):
            continue
        improved = probability_of_improvement(scores, baseline) if len(baseline) else None
        rows.append(
            (
                arm,
                _iqm(scores, rng),
                "reference" if arm == run.plan.baseline else _share(improved),
                formatting.percent(optimality_gap(scores)),
                *(formatting.percent(float(share)) for share in performance_profile(scores, list(ABOVE))),
            )
        )
    titles = (
        "arm", "interquartile mean (%)", f"chance that a seed beats one of {run.plan.baseline} (%)",
        "optimality gap (%)", *(f"seeds x suites above {above:.0%} (%)" for above in ABOVE),
    )  # fmt: skip
    return Table(header=titles, rows=tuple(rows))


def profile_bands(run: Run, at: Reading) -> pd.DataFrame:
    """Return for each arm the share of seeds x primary suites above each score, columns `BAND_COLUMNS`, x in percent.

    The band is left out: with few seeds the shares move in large steps.

    References:
        Agarwal et al. 2021, https://arxiv.org/abs/2108.13264, section 4.2.
    """
    import pandas as pd

    rows = []
    for arm in run.plan.trained_arms:
        scores = _scores(run, arm, at)
        if not len(scores):
            continue
        levels = sorted({float(score) for score in scores.ravel()})
        shares = performance_profile(scores, [level - 1e-12 for level in levels])
        rows += [
            {
                "arm": arm,
                "x": 100 * level,
                "mean": float(share),
                "low": math.nan,
                "high": math.nan,
                "seeds": len(scores),
            }
            for level, share in zip(levels, shares, strict=True)
        ]
    return pd.DataFrame(rows, columns=list(BAND_COLUMNS))


def _scores(run: Run, arm: str, at: Reading) -> NDArray[np.float64]:
    """Return the scores of the seeds that have all primary suites, shape (seeds, suites)."""
    import numpy as np

    by_suite = [scores_by_seed(run, arm, at, suite) for suite in run.plan.primary_suites]
    seeds = [seed for seed in by_suite[0] if all(seed in found for found in by_suite)]
    return np.array([[found[seed] for found in by_suite] for seed in seeds])


def _iqm(scores: NDArray[np.float64], rng: np.random.Generator) -> str:
    middle = iqm(scores)
    if len(scores) < 2:
        return formatting.score(Interval(mean=middle, count=1, half_width=None))
    low, high = stratified_iqm_interval(scores, rng, repetitions=REPETITIONS)
    text = f"{formatting.percent(middle)} [{100 * low:.1f}, {100 * high:.1f}]"
    return formatting.Number(text, 100 * middle, 100 * low, 100 * high)


def _share(value: float | None) -> str:
    return formatting.UNKNOWN if value is None else formatting.percent(value)
