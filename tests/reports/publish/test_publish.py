"""A site of runs: what is there stays, what is the same changes nothing, what differs is not ranked together."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import html5lib
import pytest

import reports.publish.site as publishing
from harness.store.paths import RunPaths
from reports import ReportError
from reports.publish import broken_links, publish
from reports.publish.pages import slug

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTILE = "<script>alert('plan')</script> \u202e a&b"


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def runs_of(site: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_of(site).items() if name.startswith("runs/")}


def edited(run: Path, old: str, new: str) -> Path:
    resolved = RunPaths(run).resolved
    assert old in resolved.read_text()
    resolved.write_text(resolved.read_text().replace(old, new))
    return run


@pytest.fixture
def three(write_run: WriteRun, spec: type[RunSpec]) -> list[Path]:
    return [write_run(spec(name=name, seed_noise=0.01 * place)) for place, name in enumerate(("one", "two", "three"))]


def test_three_runs_and_a_fourth_that_touches_none_of_them(
    three: list[Path], write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    assert [one.new for one in publish(three, site, now=NOW)] == [True] * 3
    assert broken_links(site) == []
    before = runs_of(site)
    fourth = write_run(spec(name="four", arms=("grpo", "evol_rl")))
    (added,) = publish([fourth], site, now=NOW + timedelta(days=1))
    after = runs_of(site)
    assert {name: after[name] for name in before} == before
    assert {name for name in after if name not in before} == {
        f"runs/{added.folder.name}/{name}" for name in files_of(added.folder)
    }
    index = (site / "index.html").read_text()
    assert all(f'href="runs/{folder.name}/index.html"' in index for folder in (site / "runs").iterdir())
    assert broken_links(site) == []
    assert {path.name for path in site.iterdir()} == {".nojekyll", "site.json", "index.html", "runs", "strategies"}
    for page in (site / "index.html", *(site / "strategies").iterdir()):
        html5lib.HTMLParser(strict=True).parse(page.read_text())


def test_publishing_again_changes_no_byte(three: list[Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(three, site, now=NOW)
    before = files_of(site)
    assert [one.new for one in publish(three, site, now=NOW + timedelta(days=9))] == [False] * 3
    assert files_of(site) == before


def test_a_changed_run_is_a_newer_version_and_the_older_one_stays(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    site, run = tmp_path / "site", write_run(spec())
    (old,) = publish([run], site, now=NOW)
    kept = files_of(old.folder)
    write_run(spec(seed_noise=0.05))
    (new,) = publish([run], site, now=NOW + timedelta(days=1))
    assert files_of(old.folder) == kept
    index = (site / "index.html").read_text()
    assert index.index(new.folder.name) < index.index("Earlier versions") < index.index(old.folder.name)
    assert old.folder.name not in (site / "strategies" / "g2rl.html").read_text(), "the newest version only"


def test_replacing_takes_away_the_newest_version_alone(
    three: list[Path], write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    first, *_ = publish(three, site, now=NOW)
    write_run(spec(name="one", seed_noise=0.05))
    (new,) = publish([three[0]], site, now=NOW + timedelta(days=1), replace=True)
    assert new.replaced == first.folder
    assert not first.folder.exists()
    assert len(list((site / "runs").iterdir())) == 3
    assert broken_links(site) == []


def test_runs_that_differ_in_what_decides_a_score_are_in_tables_of_their_own(three: list[Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    other = edited(three[1], '"task": "countdown"', '"task": "sorting"')
    publish([three[0], other, three[2]], site, now=NOW)
    page = (site / "strategies" / "g2rl.html").read_text()
    assert page.count("<table>") == 2
    alone = next(part for part in page.split("<section") if ">two</a>" in part)
    assert ">one</a>" not in alone
    assert "task: <code>sorting</code>" in alone


def test_a_kill_in_the_middle_leaves_the_site_whole(
    three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    publish(three[:2], site, now=NOW)
    before = files_of(site)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        publish(three[2:], site, now=NOW)
    monkeypatch.undo()
    assert files_of(site) == before
    publish(three[2:], site, now=NOW)
    assert broken_links(site) == []


def test_a_folder_with_something_else_in_it_is_refused(three: list[Path], tmp_path: Path) -> None:
    site = tmp_path / "mine"
    site.mkdir()
    (site / "thesis.tex").write_text("years of work")
    with pytest.raises(ReportError, match="not a site of explorebench"):
        publish(three, site, now=NOW)
    assert files_of(site) == {"thesis.tex": b"years of work"}


def test_unfinished_runs_are_marked_everywhere_or_refused(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    run = write_run(spec(unfinished={("g2rl", 1): 1}))
    with pytest.raises(ReportError, match="--partial"):
        publish([run], tmp_path / "site", now=NOW)
    publish([run], tmp_path / "site", now=NOW, partial=True)
    assert "Partial report: 8 of 9 cells are done" in (tmp_path / "site" / "index.html").read_text()
    assert "(partial)" in (tmp_path / "site" / "strategies" / "g2rl.html").read_text()


def test_hostile_names_are_shown_and_lead_nowhere_else(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    run = edited(write_run(spec()), '"name": "toy"', f'"name": {json.dumps(HOSTILE)}')
    (done,) = publish([run], tmp_path / "site", now=NOW)
    assert done.folder.parent == tmp_path / "site" / "runs"
    index = (tmp_path / "site" / "index.html").read_text()
    assert "<script>" not in index
    assert "⟨U+202E⟩" in index
    assert broken_links(tmp_path / "site") == []


def test_slugs_are_safe_and_never_shared() -> None:
    names = ["g2rl", "G2RL", "..", "../..", "", "a/b", "a b", "a_b", "é", "x" * 300, "x" * 301, "con<>|"]
    slugs = [slug(name) for name in names]
    assert len({one.lower() for one in slugs}) == len(names)
    assert all(one and len(one) < 80 and not set(one) & set("/\\.<>| ") for one in slugs)


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">1</a><a href="b.html#gone">2</a><img src="no.png"><a href="https://x.org">3</a>'
        '<a href="../out.html">4</a><a href="#self">5</a>'
    )
    (tmp_path / "b.html").write_text('<h1 id="here">b</h1>')
    (tmp_path / "c.md").write_text("[a](a.html) [b](missing.svg)")
    assert broken_links(tmp_path) == [
        "a.html: b.html#gone (no such anchor)",
        "a.html: no.png (no such file)",
        "a.html: ../out.html (leads out of the site)",
        "a.html: #self (no such anchor)",
        "c.md: missing.svg (no such file)",
    ]
