"""What got worse, as a table: every arm against the untrained model, the checkpoint before and the baseline."""

from __future__ import annotations

from reports import formatting
from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.reading import Reading
from reports.tables import Table
from reports.verdicts.regressions import PREVIOUS, Lookup, Regression, regressions

TITLE = "Regressions"
HEADER = (
    "arm", "suite", "against", "difference (points)", "margin (points)", "finding",
    "items gained", "items lost", "surely lost", "sign test p",
)  # fmt: skip


def regression_table(run: Run, at: Reading) -> Table:
    """Return every arm on every suite against each reference; what can't be paired is left out."""
    suites = tuple(suite.name for suite in run.plan.suites)
    rows = []
    for reference in (BASE_ARM, PREVIOUS, run.plan.baseline):
        arms = tuple(arm for arm in run.plan.trained_arms if arm != reference)
        lookup = Lookup(arms=arms, reference=reference, suites=suites, rule=run.plan.rule)
        rows += [_texts(run, row) for row in regressions(run, lookup, at) if row.interval is not None]
    return Table(header=HEADER, rows=tuple(sorted(rows, key=lambda row: run.plan.arms.index(row[0]))))


def _texts(run: Run, row: Regression) -> tuple[str, ...]:
    names = {BASE_ARM: "untrained", PREVIOUS: "the checkpoint before", run.plan.baseline: run.plan.baseline}
    changes = row.changes
    counts = (
        [formatting.UNKNOWN] * 4
        if changes is None
        else [
            f"{len(changes.gained)}",
            f"{len(changes.lost)}",
            f"{sum(place in changes.certain for place in changes.lost)}",
            f"{changes.p_value:.2g}",
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
