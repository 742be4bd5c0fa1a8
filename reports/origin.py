"""Where the parameters of an arm come from: defaults, the plan, or trials; in words."""

from __future__ import annotations

from reports import formatting
from reports.read import Run, TuningRun
from reports.read.plan import BASE_ARM

UNITS = {"generated_tokens": "tokens", "flops": "FLOPs", "device_seconds": "device-seconds", "steps": "steps"}
OVER = ("done", "failed")
"""States of a trial that has nothing left to do."""


def origin_of_parameters(run: Run, arm: str) -> str:
    """Return where the parameters of an arm come from; nothing for the untrained model, which has none.

    Examples: `tuned: strength=0.3 (best of 3, 200,000 tokens)`; `defaults, untuned`.
    """
    if arm == BASE_ARM:
        return ""
    if run.tuning is not None and arm in run.tuning.plan.grids:
        return _of_trials(run.tuning, arm)
    return "defaults, untuned" if arm in run.plan.at_defaults else "as written, untuned"


def tuning_budget(tuning: TuningRun) -> str:
    """Return what the trials of one arm may spend together, with its unit."""
    return f"{tuning.plan.budget_amount:,.10g} {UNITS[tuning.plan.budget_unit]}"


def unchosen(run: Run) -> list[str]:
    """Return the tuned arms that have no parameters, and so no cells: their trials are not over, or all failed."""
    tuning = run.tuning
    return [] if tuning is None else [arm for arm in tuning.plan.grids if tuning.chosen.get(arm) is None]


def failed_trials(tuning: TuningRun, arm: str) -> int:
    """Return how many trials of a tuned arm failed."""
    return sum(trial.state == "failed" for trial in tuning.of(arm))


def _of_trials(tuning: TuningRun, arm: str) -> str:
    points, trials = tuning.plan.grids[arm], tuning.of(arm)
    if arm not in tuning.chosen:
        over = sum(trial.state in OVER for trial in trials)
        return f"being tuned: {over} of {formatting.counted(len(trials), 'trial')} over"
    place = tuning.chosen[arm]
    if place is None:
        return f"not chosen: all {formatting.counted(len(trials), 'trial')} failed"
    seeds = f" with {len(tuning.plan.seeds)} seeds each" if len(tuning.plan.seeds) > 1 else ""
    failed = failed_trials(tuning, arm)
    lost = f", {failed} of {len(trials)} trials failed" if failed else ""
    return f"tuned: {points[place].words} (best of {len(points)}{seeds}{lost}, {tuning_budget(tuning)})"
