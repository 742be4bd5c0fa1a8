"""Pages in a real browser: what a reader does with them, on a phone and on a screen, in the dark and on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import html5lib
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Open = Callable[..., Page]


def column(page: Page, title: str) -> list[str]:
    """Return the texts of a column of the leaderboard that is shown, in the order of the rows."""
    board = page.locator("table.board:visible")
    titles = [text.strip() for text in board.locator("thead th").all_inner_texts()]
    place = next(number for number, text in enumerate(titles) if " ".join(text.split()).startswith(title))
    rows = board.locator("tbody tr:visible:not(.failed)").all()
    return [row.locator("th, td").nth(place).inner_text() for row in rows]


def laid_out(page: Page) -> Page:
    """Return a page with all of it laid out, also what isn't on the screen yet."""
    page.add_style_tag(content="main > section { content-visibility: visible !important; }")
    return page


def test_the_page_is_valid_html(demo: Path, hostile: Path, others: list[Path]) -> None:
    for path in (demo, hostile, *others, *sorted((hostile.parent / "answers").iterdir())):
        html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))


def test_rows_are_sorted_by_any_column_and_back(demo: Path, opened: Open) -> None:
    page = opened(demo)
    names = column(page, "arm")
    header = page.locator("table.board:visible thead th", has_text="arm").first.locator("button")
    header.click()
    assert column(page, "arm") == sorted(names, key=str.casefold)
    assert header.locator("..").get_attribute("aria-sort") == "ascending"
    header.press("Enter")
    assert column(page, "arm") == sorted(names, key=str.casefold, reverse=True)
    page.locator("table.board:visible thead th[data-unit=steps] button").click()
    shown = page.locator("table.board:visible td[data-unit=steps]").all()
    amounts = [cell.get_attribute("data-v") for cell in shown]
    numbers = [float(amount) for amount in amounts if amount is not None]
    assert numbers == sorted(numbers)


def test_families_are_filtered(demo: Path, opened: Open) -> None:
    page = opened(demo)
    assert any(name.startswith("g2rl") for name in column(page, "arm"))
    page.get_by_label("gradient-guided").uncheck()
    assert not any(name.startswith("g2rl") for name in column(page, "arm"))
    page.get_by_label("gradient-guided").check()
    assert any(name.startswith("g2rl") for name in column(page, "arm"))


def test_the_unit_of_compute_is_switched_everywhere(demo: Path, opened: Open) -> None:
    page = opened(demo)
    assert page.locator("#figure-primary-steps").is_visible()
    assert not page.locator("#figure-primary-flops").is_visible()
    page.get_by_label("training FLOPs", exact=True).check()
    assert page.locator("#figure-primary-flops").is_visible()
    assert not page.locator("#figure-primary-steps").is_visible()
    assert column(page, "training FLOPs")
    page.get_by_label("at equal device-seconds").check()
    assert "device-seconds each" in page.locator("table.board:visible caption").inner_text()
    assert page.locator("#figure-front-device-seconds").is_visible()


def test_a_definition_is_one_hover_or_one_key_away(demo: Path, opened: Open) -> None:
    page = opened(demo)
    term = page.locator("table.board:visible thead button", has_text="erratic falls")
    term.hover()
    assert "measurement alone" in page.locator("#says").inner_text()
    page.mouse.move(0, 0)
    assert not page.locator("#says").is_visible()
    term.focus()
    assert page.locator("#says").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#says").is_visible()


def test_a_sceptic_comes_down_to_a_single_answer(demo: Path, opened: Open) -> None:
    page = opened(demo)
    arm = page.locator("details.arm", has_text="g2rl").first
    arm.locator("> summary").click()
    item = arm.locator("details.item").first
    item.locator("summary").click()
    assert item.locator("pre.question").inner_text().startswith("Question")
    answers = item.locator(".sides pre")
    assert answers.count() > 2
    assert {text.split()[0] for text in answers.all_inner_texts()} <= {"right", "wrong"}
    arm.get_by_role("link").click()
    assert "items gained and lost" in page.locator("h1").inner_text()
    assert page.locator("details.item").count() >= 2


def test_figures_and_tables_are_saved_from_the_page_alone(demo: Path, opened: Open, tmp_path: Path) -> None:
    alone = tmp_path / "mailed.html"
    alone.write_bytes(demo.read_bytes())
    page = opened(alone)
    figure = page.locator("#figure-primary-steps")
    starts = {"SVG": b"<svg", "PNG": b"\x89PNG", "CSV": b"arm,x,mean"}
    for kind, start in starts.items():
        with page.expect_download() as download:
            figure.get_by_role("button", name=kind).click()
        data = Path(download.value.path()).read_bytes()
        assert data.startswith(start)
        assert b"var(--" not in data
    with page.expect_download() as download:
        page.get_by_role("button", name="leaderboard as CSV", exact=True).click()
    assert Path(download.value.path()).read_text().startswith("rank,arm,")


def test_on_a_phone_nothing_is_wider_than_the_screen(
    demo: Path, many: Path, hostile: Path, others: list[Path], opened: Open
) -> None:
    for path in (demo, many, hostile, hostile.parent / "answers" / "arm-1.html", *others):
        page = laid_out(opened(path, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True))
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path


def test_in_the_dark_the_page_is_dark(demo: Path, opened: Open) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = opened(demo, color_scheme=scheme)
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    light, dark = (sum(map(int, colour[4:-1].split(","))) for colour in colours)
    assert light > 700
    assert dark < 150


def test_on_paper_there_are_no_buttons(demo: Path, opened: Open) -> None:
    page = opened(demo)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("button.save:visible").count() == 0
    assert page.locator("#leaderboard").is_visible()
    assert len(page.pdf(format="A4")) > 50_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_finding(
    scheme: str, demo: Path, many: Path, hostile: Path, others: list[Path], opened: Open
) -> None:
    for path in (demo, many, hostile, hostile.parent / "answers" / "arm-1.html", *others):
        page = laid_out(opened(path, color_scheme=scheme))
        found = Axe().run(page)
        serious = [
            (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
            for one in found.response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], path


def test_sixty_arms_stay_readable(many: Path, opened: Open) -> None:
    assert many.stat().st_size < 10e6
    page = opened(many)
    assert len(column(page, "arm")) == 61
    assert max(group.locator("dd").count() for group in page.locator(".glance div").all()) <= 8
    labels = page.locator("#figure-primary-steps svg text").all_text_contents()
    assert sum(label.startswith("arm-") for label in labels) == 8, "the baseline and the seven best"


def test_hostile_texts_are_shown_and_never_run(
    hostile: Path, hostile_texts: tuple[str, ...], others: list[Path], opened: Open
) -> None:
    for path in others:
        assert (opened(path).title() == "pwned", opened(path).locator("img").count()) == (False, 0)
        assert not set(path.read_text(encoding="utf-8")) & set("\x00\x1b\u202e\u2066"), path
    for path in (hostile, hostile.parent / "answers" / "arm-1.html"):
        page = opened(path)
        assert page.title() != "pwned"
        assert page.locator("img").count() == 0
        whole = path.read_text(encoding="utf-8")
        assert not set(whole) & set("\x00\x1b\u202e\u2066")
        text = page.locator("body").text_content() or ""
        for shown in (
            hostile_texts[0],
            "␛[31mred␛[0m ␀ nul",
            "⟨U+202E⟩gnp.exe",
            "שלום",
            "答え",
        ):
            assert shown in text, shown
        assert "more characters" in text, "a huge answer is cut, and says so"
    for name in ("leaderboard.md", "leaderboard.tex", "tables/leaderboard.csv", "tables/leaderboard.json"):
        written = (hostile.parent / name).read_text(encoding="utf-8")
        assert not set(written) & set("\x00\x1b\u202e\u2066"), name
