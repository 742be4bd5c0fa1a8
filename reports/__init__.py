"""From the store to numbers, verdicts, figures and pages. Reads files only and never imports torch."""

from __future__ import annotations

from pathlib import Path

from reports.errors import ReportError

__all__ = ["ReportError", "write_report"]


def write_report(run: Path, site: Path) -> Path:
    """Write the page and the leaderboard of one run, finished or not, and return their folder.

    The folder is `site/<plan>` and holds `index.html`, one file that needs no other and no network, and
    `leaderboard.md`, with the same numbers. Each is replaced in one step; the same run gives the same bytes.

    Args:
        run: Folder of the run, `runs/<plan>`.
        site: Folder of all reports; made if it isn't there.

    Raises:
        ReportError: If `run` isn't a run, has no records yet, or mixes versions of a suite.
    """
    from harness.store.atomic import write_text
    from reports import resets, watches
    from reports.controls import controls
    from reports.leaderboard import leaderboard
    from reports.markdown import markdown
    from reports.page import render
    from reports.read import read_run
    from reports.site import SitePaths
    from reports.summary import plain_answer, standing
    from reports.tables import note_table

    found = read_run(run)
    board = leaderboard(found)
    sentences = [sentence for sentence in (standing(found, board), *plain_answer(found, board)) if sentence]
    paths = SitePaths.of(site, found.plan.name)
    pairs = controls(found, board.at)
    others = {
        resets.TITLE: [resets.gain_table(found, board.at), resets.reset_table(found)],
        watches.TITLE: [watches.watch_table(found)],
        "Notes": [note_table(found)],
    }
    write_text(paths.leaderboard, markdown(board, pairs, found.plan.name, " ".join(sentences), others))
    write_text(paths.page, render(found, board))
    return paths.root
