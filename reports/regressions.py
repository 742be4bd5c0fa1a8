"""What got worse, as a table: every arm against the untrained model, the checkpoint before and the baseline."""

from __future__ import annotations

from collections.abc import Iterable

from reports import formatting
from reports.blocks import Table
from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.reading import Reading
from reports.side_by_side import side_by_side
from reports.verdicts.regressions import PREVIOUS, Lookup, Regression, regressions

TITLE = "Regressions"
HEADER = (
    "arm", "suite", "against", "difference (points)", "margin (points)", "finding",
    "items gained", "items lost", "surely lost", "sign test p",
)  # fmt: skip


def all_regressions(run: Run, at: Reading) -> list[Regression]:
    """Return every arm on every suite against each reference, arms in the plan's order."""
    suites = tuple(suite.name for suite in run.plan.suites)

    def below(reference: str) -> list[Regression]:
        arms = tuple(arm for arm in run.plan.trained_arms if arm != reference)
        return regressions(run, Lookup(arms=arms, reference=reference, suites=suites, rule=run.plan.rule), at)

    rows = [row for found in side_by_side(below, (BASE_ARM, PREVIOUS, run.plan.baseline)) for row in found]
    return sorted(rows, key=lambda row: run.plan.arms.index(row.arm))


def regression_table(run: Run, found: Iterable[Regression]) -> Table:
    """Return what became of each arm on each suite; what can't be paired is left out."""
    return Table(header=HEADER, rows=tuple(_texts(run, row) for row in found if row.interval is not None))


def _texts(run: Run, row: Regression) -> tuple[str, ...]:
    names = {BASE_ARM: "untrained", PREVIOUS: "the checkpoint before", run.plan.baseline: run.plan.baseline}
    changes = row.changes
    surely = 0 if changes is None else sum(place in changes.certain for place in changes.lost)
    counts = (
        [formatting.UNKNOWN] * 4
        if changes is None
        else [
            *(formatting.Number(str(count), count) for count in (len(changes.gained), len(changes.lost), surely)),
            formatting.Number(f"{changes.p_value:.2g}", changes.p_value),
        ]
    )
    return (
        row.arm,
        f"{row.suite} (forgetting)" if row.forgetting else row.suite,
        names[row.reference],
        formatting.points(row.interval),
        f"{100 * row.margin:.1f}",
        row.finding,
        *counts,
    )
