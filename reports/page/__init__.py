"""The page of one run: a single HTML file that needs no network and no other file; answers stand on pages beside it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from harness.store.visible import visible
from reports.answers import Changed
from reports.blocks import Drawing, Section
from reports.definitions import definition_of
from reports.findings import Findings
from reports.origin import tuning_budget
from reports.page.glance import glance
from reports.page.sources import source_of, standing_page
from reports.places import PAGES, STANDING, filled
from reports.together import state_of

__all__ = ["page_environment", "page_style", "render", "render_answers", "source_of", "standing_page", "with_standing"]

if TYPE_CHECKING:
    from jinja2 import Environment


def render(found: Findings, sections: list[Section], *, at_equal: bool = False) -> str:
    """Return the page as HTML; `at_equal` says that it is one at equal compute, which stands beside the plain one."""
    from markupsafe import Markup

    run = found.run
    terms = {title: said for section in sections for table in section.tables for title in table.header
             if (said := definition_of(title, run.plan))}  # fmt: skip
    return _rendered(
        "page.html.j2",
        plan=run.plan,
        state=state_of(run),
        pages=[Markup(mark) for mark in PAGES],
        at_equal=at_equal,
        found=found,
        sections=sections,
        glance=glance(found.board),
        tuning_budget="none" if run.tuning is None else tuning_budget(run.tuning),
        tuned=run.tuning is not None,
        terms=terms,
        define=lambda title: terms.get(title, ""),
    )


def render_answers(found: Findings, arm: str, changed: list[Changed], source: str) -> str:
    """Return the page of the items that an arm gained and lost, with all that was answered.

    Args:
        found: Of the run.
        arm: Which.
        changed: What it gained and lost.
        source: Of `source_of`.
    """
    from markupsafe import Markup

    plan = found.run.plan
    place = [Markup(mark) for mark in STANDING]
    page = _rendered("arm.html.j2", plan=plan, arm=arm, changed=changed, at=found.at, place=place, source=source)
    return with_standing(page, found)


def with_standing(page: str, found: Findings) -> str:
    """Return a page of answers that says how unfinished the run is now."""
    said = f'<p class="standing" role="status">{escape(visible(found.standing))}</p>' if found.standing else ""
    return filled(page, STANDING, said)


def page_style() -> str:
    """Return the CSS of every page."""
    return files("reports.page").joinpath("page.css").read_text(encoding="utf-8")


def _rendered(template: str, **context: Any) -> str:
    from markupsafe import Markup

    script = files("reports.page").joinpath("page.js").read_text(encoding="utf-8")
    # Only this very script may run: even a text that got around the escaping could do nothing.
    digest = base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode()
    environment = page_environment()
    environment.filters["svg"] = _svg
    return environment.get_template(template).render(
        style=Markup(page_style()), script=Markup(script), script_hash=digest, **context
    )


@cache
def page_environment() -> Environment:
    """Return the templates' environment, the same each time: every text is escaped, and made visible."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: Any) -> Any:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    return Environment(
        loader=PackageLoader("reports.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )


def _svg(drawing: Drawing) -> str:
    from markupsafe import Markup

    return "" if drawing.picture is None else Markup(drawing.picture.inline)
