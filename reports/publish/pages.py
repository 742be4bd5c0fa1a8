"""The index of a site and the page of a strategy, made from cards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from reports.page import page_environment, page_style
from reports.publish.card import Card, Row

GENERATED = "Made by `explorebench publish` from the run.json files; what is changed here by hand is overwritten."
LONGEST = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The arms of one strategy whose runs are alike in all that decides a score."""

    differs: tuple[tuple[str, str], ...]
    """In which terms, and with what values, it differs from the other groups."""
    rows: tuple[tuple[Card, Row], ...]
    """By falling score."""


def slug(name: str) -> str:
    """Return a name as a file may have it: two names never share one.

    Examples:
        >>> slug("g2rl"), slug("../A B")[:4]
        ('g2rl', 'a-b-')
    """
    plain = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:LONGEST]
    return plain if plain and plain == name else f"{plain or 'run'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def index_page(cards: Sequence[Card]) -> str:
    """Return the index over all runs, newest version of each plan first, older ones under it."""
    plans = [list(versions) for _, versions in groupby(cards, key=lambda card: card.plan)]
    strategies = sorted({(row.strategy, row.family) for card in cards for row in card.rows})
    links = [(name, family, f"strategies/{slug(name)}.html") for name, family in strategies]
    return _rendered("index.html.j2", plans=plans, strategies=links)


def strategy_page(strategy: str, cards: Sequence[Card]) -> str:
    """Return a strategy across runs: the newest version of each plan, and only runs that are alike in one table."""
    newest = [next(versions) for _, versions in groupby(cards, key=lambda card: card.plan)]
    having = [card for card in newest if any(row.strategy == strategy for row in card.rows)]
    return _rendered("strategy.html.j2", strategy=strategy, groups=list(_groups(strategy, having)))


def _groups(strategy: str, cards: list[Card]) -> Iterable[Group]:
    by_group: dict[str, list[Card]] = {}
    for card in cards:
        by_group.setdefault(card.group, []).append(card)
    names = dict.fromkeys(name for card in cards for name in card.terms)
    varied = [name for name in names if len({card.terms.get(name) for card in cards}) > 1]
    for alike in by_group.values():
        rows = [(card, row) for card in alike for row in card.rows if row.strategy == strategy]
        rows.sort(key=lambda pair: (pair[1].score is None, -(pair[1].score or 0.0), pair[0].plan, pair[1].arm))
        differs = tuple((name, alike[0].terms.get(name, "unknown")) for name in varied)
        yield Group(differs=differs, rows=tuple(rows))


def _rendered(template: str, **context: Any) -> str:
    from jinja2 import PackageLoader
    from markupsafe import Markup

    environment = page_environment().overlay(loader=PackageLoader("reports.publish", "."))
    style = Markup(page_style())
    return environment.get_template(template).render(style=style, generated=GENERATED, **context)
