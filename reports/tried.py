"""What tuning tried: a table for each tuned arm, its points in the grid's order."""

from __future__ import annotations

from reports import formatting
from reports.blocks import Table
from reports.read import TuningRun
from reports.read.compute import total
from reports.read.plan import PointView
from reports.read.spent import spent_in
from reports.spent import spent_texts
from reports.statistics import mean_interval

HEADER = (
    "parameters", "validation score (%)", "trials finished", "generated tokens", "FLOPs", "device-seconds",
    "of which lost (s)", "evaluation (device-seconds)",
)  # fmt: skip


FAILED = "failed"


def tried_table(tuning: TuningRun, arm: str) -> Table:
    """Return the points of a tuned arm's grid, with what their trials scored and used."""
    chosen = tuning.chosen.get(arm)
    points = enumerate(tuning.plan.grids[arm])
    return Table(header=HEADER, rows=tuple(_row(tuning, arm, point, chosen=place == chosen) for place, point in points))


def failed_trials_table(tuning: TuningRun, arm: str) -> Table:
    """Return the failed trials of a tuned arm, each with its cause."""
    words = {point.name: point.words for point in tuning.plan.grids[arm]}
    rows = [
        (words[trial.arm], str(trial.seed), trial.cause or "cause unknown")
        for trial in tuning.of(arm)
        if trial.state == "failed"
    ]
    return Table(header=("failed trial", "seed", "cause"), rows=tuple(rows))


def _row(tuning: TuningRun, arm: str, point: PointView, *, chosen: bool) -> tuple[str, ...]:
    trials = [trial for trial in tuning.of(arm) if trial.arm == point.name]
    ids = [trial.id for trial in trials]
    scores = tuning.scores[tuning.scores["cell"].isin(ids)]["score"].astype(float).tolist()
    evaluated = tuning.compute[tuning.compute["cell"].isin(ids) & (tuning.compute["phase"] == "evaluate")]
    started = tuning.compute["cell"].isin(ids).any()
    return (
        f"{point.words} (chosen)" if chosen else point.words,
        _score(scores, failed=all(trial.state == "failed" for trial in trials)),
        f"{sum(trial.state == 'done' for trial in trials)}/{len(trials)}",
        *spent_texts(spent_in(tuning.compute[tuning.compute["cell"].isin(ids)]) if started else None)[:4],
        formatting.seconds(total(evaluated, "device_seconds")) if started else formatting.MISSING,
    )


def _score(scores: list[float], *, failed: bool) -> str:
    if failed:
        return FAILED
    if len(scores) == 1:
        return formatting.percent(scores[0])
    return formatting.score(mean_interval(scores) if scores else None)
