"""Writing a report: its page, its Markdown, and a file for every table and figure."""

from __future__ import annotations

from functools import partial

from reports.answers import Gallery
from reports.blocks import Section
from reports.exports import as_csv, as_json, as_latex, data_csv
from reports.figures import standalone_svg
from reports.findings import Findings
from reports.manifest import as_checksums
from reports.markdown import markdown
from reports.page import render, render_answers, source_of, standing_page, with_standing
from reports.sections import sections
from reports.side_by_side import side_by_side
from reports.site import SitePaths
from reports.together import link_pages

ITEMS = 10
"""Items lost, and items gained, of each suite and reference on an arm's page of answers."""


def write(found: Findings, paths: SitePaths) -> None:
    """Write all files of a report; at equal compute only the page and the Markdown, beside the plain ones."""
    from harness.store.atomic import write_text

    made = sections(found, png=paths.unit is None)
    write_text(paths.leaderboard, markdown(found, made, figures=paths.unit is None))
    write_text(paths.page, render(found, made, at_equal=paths.unit is not None))
    link_pages(paths.root)
    if paths.unit is not None:
        return
    side_by_side(partial(_write_files, paths), made)
    write_text(paths.latex, as_latex(found.board, found.run.plan.name))
    write_text(paths.checksums, as_checksums(found.manifest))
    side_by_side(partial(_write_answers, Gallery(found), paths), found.run.plan.trained_arms)


def _write_answers(gallery: Gallery, paths: SitePaths, arm: str) -> None:
    """Write the page of what an arm gained and lost; one that stands there, made from the same files, is kept."""
    from harness.store.atomic import write_text

    found = gallery.found
    path = paths.answers(found.run.plan.trained_arms.index(arm))
    source = source_of(found, arm, ITEMS)
    there = standing_page(path, source)
    page = render_answers(found, arm, gallery.of(arm, ITEMS), source) if there is None else with_standing(there, found)
    if page != there:
        write_text(path, page)


def _write_files(paths: SitePaths, section: Section) -> None:
    """Write every table and figure of a section."""
    from harness.store.atomic import write_bytes, write_text

    for table in section.tables:
        write_text(paths.table(table.name, "csv"), as_csv(table))
        write_text(paths.table(table.name, "json"), as_json(table))
    for drawing in section.drawings:
        if drawing.picture is not None:
            write_text(paths.figure(drawing.name, "svg"), standalone_svg(drawing.picture.svg))
            write_bytes(paths.figure(drawing.name, "png"), drawing.picture.png)
            write_text(paths.figure(drawing.name, "csv"), data_csv(drawing))
