"""The folders of a site, and adding runs to it: whole or not at all, and nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.store.atomic import write_json, write_text
from reports.errors import ReportError
from reports.findings import findings
from reports.publish.card import Card, card_of
from reports.publish.pages import index_page, slug, strategy_page
from reports.read import read_run
from reports.site import SitePaths
from reports.write import write

MARKER = "site.json"
CARD = "run.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What became of one run."""

    folder: Path
    new: bool
    """False if the very same report was there already."""
    replaced: Path | None
    """The version that it took the place of."""


def publish(
    runs: Sequence[Path], site: Path, *, now: datetime, replace: bool = False, partial: bool = False
) -> list[Published]:
    """Add the reports of runs to a site and make its index and pages of strategies anew.

    A report that is there already is left as it is; a changed one of the same plan becomes a newer version beside it.

    Args:
        runs: Folders of runs.
        site: Folder of the site; made if it isn't there.
        now: When new reports are said to be published.
        replace: Whether a changed report takes the place of its plan's newest version.
        partial: Whether runs with cells still to come are taken.

    Raises:
        ReportError: If the folder holds something else, or a run can't be reported.
    """
    _claim(site)
    done = [_add(run, site, now, replace=replace, partial=partial) for run in runs]
    refresh(site)
    return done


def refresh(site: Path) -> None:
    """Make the index and the pages of strategies from the cards of all runs that are there."""
    cards = read_cards(site)
    names = {slug(row.strategy): row.strategy for card in cards for row in card.rows}
    for place, strategy in names.items():
        write_text(site / "strategies" / f"{place}.html", strategy_page(strategy, cards))
    for page in (site / "strategies").glob("*.html"):
        if page.stem not in names:
            page.unlink()
    write_text(site / "index.html", index_page(cards))


def read_cards(site: Path) -> list[Card]:
    """Return the cards of all published runs, by plan, newest first.

    Raises:
        ReportError: If one can't be read.
    """
    cards = []
    for path in sorted((site / "runs").glob(f"*/{CARD}")):
        try:
            cards.append(Card.of(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ReportError(
                f"{path}: not a card that this version reads ({error}); publish the run again, or take its folder away"
            ) from error
    newest = sorted(cards, key=lambda card: (card.published, card.folder), reverse=True)
    return sorted(newest, key=lambda card: card.plan)


def _claim(site: Path) -> None:
    if (site / MARKER).is_file():
        return
    if site.exists() and (not site.is_dir() or any(name != ".git" for name in os.listdir(site))):
        raise ReportError(
            f"{site}: not a site of explorebench (no {MARKER}) and not empty; give a new or an empty folder, so that "
            "nothing of yours is overwritten"
        )
    write_json(site / MARKER, {"made by": "explorebench publish", "format": FORMAT})
    write_text(site / ".nojekyll", "")


def _add(run: Path, site: Path, now: datetime, *, replace: bool, partial: bool) -> Published:
    found = findings(read_run(run))
    coming = sum(cell.state not in ("done", "failed") for cell in found.run.cells)
    if coming and not partial:
        raise ReportError(
            f"{run}: {coming} of {len(found.run.cells)} cells are still to come; finish the run, or give --partial"
        )
    plan = found.run.plan.name
    with tempfile.TemporaryDirectory(prefix=".new-", dir=site) as room:
        new = SitePaths(Path(room) / "report")
        write(found, new)
        folder = site / "runs" / f"{slug(plan)}-{_content(new.root)[:8]}"
        if folder.is_dir():
            return Published(folder=folder, new=False, replaced=None)
        before = next((card for card in read_cards(site) if card.plan == plan), None)
        stamp = now.strftime("%Y-%m-%d %H:%M:%S.%f")
        write_json(new.root / CARD, card_of(found, folder.name, stamp).json())
        folder.parent.mkdir(exist_ok=True)
        os.rename(new.root, folder)
    if not replace or before is None:
        return Published(folder=folder, new=True, replaced=None)
    gone = site / "runs" / before.folder
    shutil.rmtree(gone)
    return Published(folder=folder, new=True, replaced=gone)


def _content(root: Path) -> str:
    """Return a hash over all files of a report."""
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
