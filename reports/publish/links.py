"""Links of a site that lead nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_MARKDOWN = re.compile(r"\]\(([^()\s]+)\)")


@dataclass
class _Found(HTMLParser):
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value and tag != "use":
                self.links.append(value)
            if name in ("id", "name") and value:
                self.ids.add(value)


def broken_links(site: Path) -> list[str]:
    """Return every link from a page or a Markdown file of a site whose file or anchor isn't there, with where it is.

    Links to other machines are not followed.
    """
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    links = [(path, link) for path, found in pages.items() for link in found.links]
    for path in sorted(site.rglob("*.md")):
        links += [(path.resolve(), link) for link in _MARKDOWN.findall(path.read_text(encoding="utf-8"))]
    root = site.resolve()
    problems = [(path, link, _problem(path, link, root, pages)) for path, link in links]
    return [f"{path.relative_to(root)}: {link} ({why})" for path, link, why in problems if why]


def _problem(path: Path, link: str, root: Path, pages: dict[Path, _Found]) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_relative_to(root):
        return "leads out of the site"
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
        return "no such anchor"
    return ""


def _read(path: Path) -> _Found:
    found = _Found()
    found.feed(path.read_text(encoding="utf-8"))
    found.close()
    return found
