"""Places on a page that are filled anew while all else on it stands."""

from __future__ import annotations

Place = tuple[str, str]
"""What stands around it: comments, since texts of a run are escaped and so nothing else on a page looks like them."""

PAGES: Place = ("<!--pages-->", "<!--end of pages-->")
"""Of the links to the other pages of a report."""
STANDING: Place = ("<!--standing-->", "<!--end of standing-->")
"""Of what is said of an unfinished run on a page of answers."""


def filled(page: str, place: Place, said: str) -> str:
    """Return a page with `said` in a place; as it is if it has no such place."""
    before, start, rest = page.partition(place[0])
    _, end, after = rest.partition(place[1])
    return f"{before}{start}{said}{end}{after}" if end else page
