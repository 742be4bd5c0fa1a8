"""From the store to numbers, verdicts, figures and pages. Reads files only and never imports torch."""

from __future__ import annotations

from pathlib import Path

from reports.errors import ReportError
from reports.site import SitePaths

__all__ = ["ReportError", "write_report"]


def write_report(run: Path, site: Path, *, unit: str | None = None, amount: float | None = None) -> SitePaths:
    """Write the page and the leaderboard of one run, finished or not, and return their paths.

    The folder is `site/<plan>` and holds `index.html`, one file that needs no other and no network, and
    `leaderboard.md`, with the same numbers; with a unit,
    `at-equal-<unit>.html` and `.md` beside them. Each is replaced in one step; the same run gives the same bytes.

    Args:
        run: Folder of the run, `runs/<plan>`.
        site: Folder of all reports; made if it isn't there.
        unit: Of compute at which arms are matched: generated_tokens, flops, device_seconds or steps; by default they
            are compared where the plan says.
        amount: At which, in that unit; by default the most that all have used.

    Raises:
        ReportError: If `run` isn't a run, has no records yet, mixes versions of a suite, or can't be matched.
    """
    from harness.store.atomic import write_text
    from harness.store.paths import RunPaths
    from reports import accounting, aggregates, consistency, efficiency, regressions, resets, watches
    from reports.comparison import default_reading
    from reports.controls import controls
    from reports.leaderboard import leaderboard
    from reports.markdown import markdown
    from reports.page import render
    from reports.read import read_run
    from reports.reading import at_budget
    from reports.summary import plain_answer, standing
    from reports.tables import note_table

    found = read_run(run)
    at = default_reading(found) if unit is None else at_budget(found, unit, amount)
    board = leaderboard(found, at)
    sentences = [sentence for sentence in (standing(found, board), *plain_answer(found, board)) if sentence]
    paths = SitePaths.of(site, found.plan.name, unit)
    sentences.append(f"Arms are compared {at.words}.")
    pairs = controls(found, board.at)
    others = {
        aggregates.TITLE: [aggregates.aggregate_table(found, at)],
        consistency.TITLE: [consistency.consistency_table(found, at), consistency.noise_table(found)],
        efficiency.TITLE: [efficiency.efficiency_table(found, unit or found.compute_unit)],
        regressions.TITLE: [regressions.regression_table(found, at)],
        resets.TITLE: [resets.gain_table(found, board.at), resets.reset_table(found)],
        watches.TITLE: [watches.watch_table(found)],
        "Notes": [note_table(found)],
        accounting.TITLE: [accounting.accounting_table(found, RunPaths(run))],
    }
    write_text(paths.leaderboard, markdown(board, pairs, found.plan.name, " ".join(sentences), others))
    write_text(
        paths.page, render(found, board, unit or found.compute_unit, accounting.accounting_table(found, RunPaths(run)))
    )
    return paths
