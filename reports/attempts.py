"""Each start of each cell: how it ended, what it used, and what of that was lost."""

from __future__ import annotations

from harness.store.attempts import read_attempts
from reports import formatting
from reports.blocks import Table
from reports.read import Run
from reports.read.compute import total

HEADER = ("arm", "seed", "attempt", "host", "ended", "cause", "device-seconds", "of which lost (s)", "energy (kJ)")


def attempt_table(run: Run) -> Table:
    """Return all attempts of all cells, in the plan's order."""
    rows = []
    lines_of = dict(list(run.compute.groupby(["cell", "attempt"], sort=False)))
    for cell in run.cells:
        for attempt in read_attempts(run.paths[cell.id]):
            ours = lines_of.get((cell.id, attempt.attempt), run.compute.iloc[:0])
            cause = attempt.cause or {}
            rows.append(
                (
                    cell.arm,
                    formatting.Number(str(cell.seed), cell.seed),
                    formatting.Number(str(attempt.attempt), attempt.attempt),
                    attempt.host,
                    attempt.outcome or "not yet",
                    ": ".join(str(cause[name]) for name in ("kind", "message") if cause.get(name)),
                    formatting.seconds(total(ours, "device_seconds")),
                    formatting.seconds(total(ours[ours["lost"]], "device_seconds")),
                    formatting.kilojoules(total(ours, "energy_joules")),
                )
            )
    return Table(header=HEADER, rows=tuple(rows))
