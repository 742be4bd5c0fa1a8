from __future__ import annotations

import base64
import hashlib
import html
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.store.atomic import write_json
from harness.store.paths import RunPaths
from reports import ReportError, write_report
from reports.publish import broken_links

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

VOID = {"meta", "br", "img", "input", "hr", "link", "path", "use", "rect", "circle"}
NASTY_ARM = "<script>alert('arm')</script> $x_1$ &amp; \"q\" | `"
NASTY_CAUSE = "<img src=x onerror=alert(1)> </pre> 90 GiB"


class _Page(HTMLParser):
    """Collects what a page is made of, and fails where elements aren't closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def nasty(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> Path:
    run = write_run(spec(arms=("grpo", NASTY_ARM), seed_noise=0.05, failed={(NASTY_ARM, 2): NASTY_CAUSE}))
    return write_report(run, tmp_path / "site").root


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_page_is_one_whole_file_with_one_script_and_without_the_network(nasty: Path) -> None:
    text = (nasty / "index.html").read_text()
    page = _Page(text)
    assert page.open == []
    assert "svg" in page.tags
    assert not page.tags & {"link", "iframe", "img", "object", "embed", "base"}
    assert not re.search(r"https?:(?!//www.w3.org/2000/svg)|@import|url\((?!#)", text)
    for name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "href", "action") or value.startswith(("#", "answers/"))
    assert len(page.ids) == len(set(page.ids))
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; img-src blob: data:; script-src 'sha256-{digest}'" in text


def test_every_table_and_figure_is_a_file(nasty: Path) -> None:
    names = set(files_of(nasty))
    assert {"index.html", "leaderboard.md", "leaderboard.tex", "manifest.sha256", "answers/arm-1.html"} <= names
    for folder, kinds in {"tables": {"csv", "json"}, "figures": {"svg", "png", "csv"}}.items():
        found: dict[str, set[str]] = {}
        for path in (nasty / folder).iterdir():
            found.setdefault(path.stem, set()).add(path.suffix[1:])
        assert len(found) > 8
        assert all(one == kinds for one in found.values())


def test_links_within_the_page_have_their_targets(nasty: Path) -> None:
    page = _Page((nasty / "index.html").read_text())
    links = {value for name, value in page.attributes if name == "href"}
    wanted = {value.removeprefix("#") for value in links if value.startswith("#")}
    assert {"leaderboard", "checking"} <= wanted
    assert wanted <= set(page.ids)
    beside = {value for value in links if not value.startswith("#")}
    assert beside
    assert beside <= set(files_of(nasty))


def test_names_and_causes_are_shown_as_they_are(nasty: Path) -> None:
    page = _Page((nasty / "index.html").read_text())
    assert NASTY_ARM in page.text
    assert NASTY_CAUSE in page.text
    assert "Partial report: 8 of 9 cells are done (1 failed)." in page.text


def test_the_page_has_everything_in_its_order(nasty: Path) -> None:
    text = _Page((nasty / "index.html").read_text()).text
    titles = ["Best score first", "A dot for each sealed checkpoint", "Spread over training seeds", "was forgotten",
              "Running mean over", "likely answers likelier", "Device-seconds by phase", "What was evaluated", "c0ffee",
              "How often such verdicts are right", "as it was given"]  # fmt: skip
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert "# <made up>" in text


def test_the_markdown_has_the_pages_numbers(nasty: Path) -> None:
    page = _Page((nasty / "index.html").read_text()).text
    markdown = html.unescape((nasty / "leaderboard.md").read_text())
    numbers = {
        cell.strip()
        for line in markdown.splitlines()
        if line.startswith("| ")
        for cell in line.split(" | ")
        if re.search(r"\d", cell)
    }
    assert len(numbers) > 15
    assert [number for number in numbers if " ".join(number.strip("| ").split()) not in page] == []


def test_writing_twice_changes_no_byte(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    run = write_run(spec(seed_noise=0.05))
    first = files_of(write_report(run, tmp_path / "one").root)
    second = files_of(write_report(run, tmp_path / "two").root)
    assert len(first) > 50
    assert first == second


def test_a_single_seed_prints_no_interval(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    folder = write_report(write_run(spec(seeds=(7,))), tmp_path / "site").root
    for name in ("index.html", "leaderboard.md"):
        text = (folder / name).read_text()
        assert "n/a (1 seed)" in text
        assert "nan" not in _Page(text).text.lower().split()


def test_a_run_that_has_only_begun_is_reported(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    nothing = {(arm, seed): 0 for arm in ("grpo", "g2rl") for seed in range(3)}
    run = write_run(spec(unfinished=nothing))
    for path in (RunPaths(run).cells / "02-1").rglob("*"):
        if path.is_file():
            path.unlink()
    page = _Page((write_report(run, tmp_path / "site").root / "index.html").read_text())
    assert "5 interrupted and 1 waiting" in page.text
    assert "Unknown: no evaluated checkpoint" in page.text


def test_without_device_seconds_the_page_says_unknown(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    run = write_run(spec())
    for path in run.rglob("ledger.jsonl"):
        path.write_text(path.read_text().replace('"device_seconds": 0.3', '"device_seconds": null'))
    page = _Page((write_report(run, tmp_path / "site").root / "index.html").read_text())
    assert "Unknown: the ledger lacks the device-seconds" in page.text


def test_cells_that_ran_elsewhere_are_named(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    run = write_run(spec())
    identity = RunPaths(run).cell("02-1").identity
    write_json(identity, {"fingerprint": {"commit": "c0ffee", "torch": "2.99"}})
    page = _Page((write_report(run, tmp_path / "site").root / "index.html").read_text())
    assert "Differences between cells" in page.text
    assert re.search(r"torch 2\.99 g2rl, seed 1", page.text)


def test_a_plan_named_like_a_path_is_refused(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    run = write_run(spec())
    resolved = RunPaths(run).resolved
    resolved.write_text(resolved.read_text().replace('"name": "toy"', '"name": "../toy"'))
    with pytest.raises(ReportError, match="can't be a folder"):
        write_report(run, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_reports_import_nothing_heavy() -> None:
    heavy = "{'torch', 'lm_eval', 'matplotlib', 'pandas', 'scipy', 'jinja2'}"
    code = f"import sys, reports, reports.statistics, reports.page; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_whole_report_never_imports_torch(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    run = write_run(spec())
    code = (
        "import sys; from pathlib import Path; from reports import write_report; "
        "write_report(Path(sys.argv[1]), Path(sys.argv[2])); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(run), str(tmp_path / "site")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_at_equal_compute_a_report_of_its_own_ranks_anew(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    correct = {(arm, seed, step): right for arm, ends in (("grpo", (3, 5)), ("g2rl", (2, 8))) for step, right in
               enumerate(ends, start=1) for seed in range(3)}  # fmt: skip
    run = write_run(spec(correct=correct, cost={"g2rl": 2.0}))
    plain = write_report(run, tmp_path / "site")
    equal = write_report(run, tmp_path / "site", unit="generated_tokens")
    assert plain.root == equal.root
    assert {path.name for path in plain.root.iterdir() if path.suffix in (".html", ".md")} == {
        "index.html", "leaderboard.md", "at-equal-generated_tokens.html", "at-equal-generated_tokens.md",
    }  # fmt: skip
    scores = [
        next(line for line in paths.leaderboard.read_text().splitlines() if line.startswith("| g2rl")).split("|")[4]
        for paths in (plain, equal)
    ]
    assert [score.split("%")[0].strip() for score in scores] == ["80.0", "20.0"], "half its training costs as much"
    assert "Arms are compared at 8,000 generated tokens each." in equal.leaderboard.read_text()
    assert "at 8,000 generated tokens each" in equal.page.read_text()


def test_pages_at_equal_compute_and_the_plain_one_link_each_other_while_they_show_the_same(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    run, site = write_run(spec()), tmp_path / "site"
    plain = write_report(run, site)
    alone = plain.page.read_bytes()
    assert b'href="at-equal' not in alone
    flops, steps = (write_report(run, site, unit=unit).page for unit in ("flops", "steps"))
    pages = {plain.page, flops, steps}
    links = {page: {one for one in pages if f'href="{one.name}"' in page.read_text()} for page in pages}
    assert links == {page: pages - {page} for page in pages}
    assert broken_links(site) == []
    linked = plain.page.read_bytes()
    write_report(run, site)
    assert plain.page.read_bytes() == linked
    steps.unlink()
    RunPaths(run).cell("02-2").record(2, "countdown").unlink()
    write_report(run, site)
    assert plain.page.read_text().count('href="at-equal') == 0, "one is gone, the other shows another state of the run"
    assert broken_links(site) == []
