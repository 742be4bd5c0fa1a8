"""The pages of one report, linked with each other: where the plan compares arms, and at equal compute in each unit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from harness.store.atomic import write_text
from reports.places import PAGES, filled
from reports.read import Run
from reports.reading import UNITS
from reports.site import SitePaths

_STATE = re.compile(r'<meta name="run-state" content="([0-9a-f]{64})">')


def state_of(run: Run) -> str:
    """Return a hash of where a run stands: scores and states of cells. Pages of another state aren't linked."""
    import pandas as pd

    digest = hashlib.sha256(pd.util.hash_pandas_object(run.scores, index=False).to_numpy().tobytes())
    digest.update(repr([(cell.id, cell.state) for cell in run.cells]).encode())
    return digest.hexdigest()


def link_pages(root: Path) -> None:
    """Link each page of a report with those that are there and show the same state of the run, and no others."""
    paths = {unit: SitePaths(root, unit).page for unit in (None, *UNITS)}
    texts = {unit: page.read_text(encoding="utf-8") for unit, page in paths.items() if page.is_file()}
    states = {unit: found[1] for unit, text in texts.items() if (found := _STATE.search(text))}
    for unit, state in states.items():
        links = [(_called(other), paths[other].name) for other in states if states[other] == state and other != unit]
        linked = _linked(texts[unit], links)
        if linked != texts[unit]:
            write_text(paths[unit], linked)


def _called(unit: str | None) -> str:
    return "where the plan compares" if unit is None else f"at equal {UNITS[unit][1]}"


def _linked(page: str, links: Iterable[tuple[str, str]]) -> str:
    anchors = ", ".join(f'<a href="{escape(target)}">{escape(name)}</a>' for name, target in links)
    said = f'<p class="note pages">Another page of this report: {anchors}.</p>' if anchors else ""
    return filled(page, PAGES, said)
