"""From the store to numbers, verdicts, figures and pages. Reads files only and never imports torch."""

from __future__ import annotations

from pathlib import Path

from reports.errors import ReportError
from reports.site import SitePaths

__all__ = ["ReportError", "write_report"]


def write_report(
    run: Path, site: Path, *, unit: str | None = None, amount: float | None = None, partial: bool = True
) -> SitePaths:
    """Write the report of one run and return its paths.

    The folder is `site/<plan>` and holds `index.html`, one file that needs no other and no network, `leaderboard.md`
    with the same numbers, every table as CSV and JSON, every figure as SVG, PNG and CSV, the main table for a paper,
    pages with answers, and the hashes of the records that were counted; with a unit, `at-equal-<unit>.html` and `.md`
    alone, beside them. Each file is replaced in one step; the same run gives the same bytes.

    Args:
        run: Folder of the run, `runs/<plan>`.
        site: Folder of all reports; made if it isn't there.
        unit: Of compute at which arms are matched: generated_tokens, flops, device_seconds or steps; by default they
            are compared where the plan says.
        amount: At which, in that unit; by default the most that all have used.
        partial: Whether a run with cells still to come is reported, clearly marked.

    Raises:
        ReportError: If `run` isn't a run, has no records yet, mixes versions of a suite, can't be matched, or isn't
            finished and `partial` is false.
    """
    from reports.findings import findings
    from reports.read import read_run
    from reports.write import write

    found = findings(read_run(run), unit, amount)
    coming = sum(cell.state not in ("done", "failed") for cell in found.run.cells)
    if coming and not partial:
        raise ReportError(
            f"{run}: {coming} of {len(found.run.cells)} cells are still to come; finish the run with `explorebench "
            "queue`, or give --partial for a report that is marked as one"
        )
    paths = SitePaths.of(site, found.run.plan.name, unit)
    write(found, paths)
    return paths
