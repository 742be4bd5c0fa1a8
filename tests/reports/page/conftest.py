"""A browser, and pages for it: of a real run, of sixty arms, of hostile names and texts, and those beside a report."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, sync_playwright

from benchmarks.synthetic import Arm, Store, write_store
from harness.store.paths import RunPaths
from reports import write_report
from reports.compare.show import as_html, comparison
from reports.compare.sides import read_side
from reports.publish import publish

HOSTILE = (
    "<script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "</script><svg onload=alert(1)>",
    "\x1b[31mred\x1b[0m \x00 nul",
    "\u202egnp.exe \u2066",
    'javascript:alert(1) {{ 7*7 }} {% raw %} ${7*7} =HYPERLINK("http://x")',
    "x" * 200_000,
    "שלום עולם 答えは七 \U0001f642",
)
ARM = "<script>document.title='pwned'</script>\x1b[2J\u202e"


class Place(Protocol):
    """The workplace of tests/conftest.py."""

    @property
    def folder(self) -> Path: ...
    def explorebench(self, *words: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-quic"])
        yield launched
        launched.close()


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Return a function that opens a page and fails the test if the page complains or asks for anything."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(("file:", "blob:")):
            complaints.append(request.url)

    def spoke(dialog: Dialog) -> None:
        complaints.append(dialog.message)
        dialog.dismiss()

    def open_page(path: Path, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", spoke)
        page.on("request", asked)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def demo(finished: Place) -> Path:
    done = finished.explorebench("report", "runs/demo")
    assert done.returncode == 0, done.stderr
    return finished.folder / "site" / "demo" / "index.html"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of sixty arms."""
    root = tmp_path_factory.mktemp("many")
    arms = tuple(Arm(name=f"arm-{number}", primary=0.002 * number) for number in range(60))
    write_store(root / "run", Store(arms=arms, seeds=3, items=40, samples=2, checkpoints=4), np.random.default_rng(1))
    return write_report(root / "run", root / "site").page


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a run whose arm and answers try to act."""
    root = tmp_path_factory.mktemp("hostile")
    store = Store(arms=(Arm(name="plain"), Arm(name=ARM, primary=-0.2)), seeds=3, items=20, samples=4, checkpoints=2)
    write_store(root / "run", store, np.random.default_rng(2))
    for path in RunPaths(root / "run").cells.rglob("*.parquet"):
        table = pq.read_table(path)
        texts = [[HOSTILE[(row + sample) % len(HOSTILE)] for sample in range(4)] for row in range(table.num_rows)]
        place = table.schema.get_field_index("texts")
        field = table.schema.field(place)
        pq.write_table(table.set_column(place, field, pa.array(texts, field.type)), path)
    return write_report(root / "run", root / "site").page


@pytest.fixture(scope="module")
def others(hostile: Path) -> list[Path]:
    """Return the pages that aren't the report's own: at equal compute, a comparison's, and a site's."""
    root = hostile.parents[2]
    equal = write_report(root / "run", root / "equal", unit="steps").page
    publish([root / "run"], root / "all", now=datetime(2026, 1, 2, tzinfo=UTC))
    sides = (read_side(f"{root / 'run'}:{arm}") for arm in (ARM, "plain"))
    (compared := root / "compared.html").write_text(as_html(comparison(*sides)), encoding="utf-8")
    return [equal, compared, root / "all" / "index.html", *sorted((root / "all" / "strategies").iterdir())]


@pytest.fixture(scope="session")
def hostile_texts() -> tuple[str, ...]:
    """Return what the models of `hostile` answer."""
    return HOSTILE
