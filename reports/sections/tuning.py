"""What tuning tried."""

from __future__ import annotations

from reports.blocks import Block, Section
from reports.findings import Findings
from reports.origin import origin_of_parameters, tuning_budget
from reports.tried import failed_trials_table, tried_table


def tuning(found: Findings) -> Section:
    """Return the grid of each tuned arm, with what its trials scored and used; nothing if no arm was tuned."""
    trials = found.run.tuning
    if trials is None:
        return Section(id="tuning", title="What was tried")
    suite, seeds = trials.plan.suite, ", ".join(map(str, trials.plan.seeds))
    samples = "sample" if suite.samples == 1 else "samples"
    note = (
        f"Each tuned arm had {tuning_budget(trials)} for all its trials together, each trial an equal share. The best "
        f"mean score on {suite.name} ({suite.items} items, {suite.samples} {samples} per item) is chosen, the first of "
        "equals; a point with more finished trials stands before one with fewer. No arm is compared on these items, "
        f"and trials train with seeds of their own ({seeds}): they are in no other number of this page but the compute "
        "below. Compute is the sum over the trials of a point, lost work included."
    )
    blocks: list[Block] = []
    for place, arm in enumerate(trials.plan.grids):
        origin = origin_of_parameters(found.run, arm)
        blocks.append(tried_table(trials, arm).named(f"tried-{place}", arm, note=origin, look="tried"))
        failed = failed_trials_table(trials, arm)
        if failed.rows:
            blocks.append(failed.named(f"failed-trials-{place}", f"Failed trials of {arm}", look="words"))
    return Section(id="tuning", title="What was tried", note=note, blocks=tuple(blocks))
