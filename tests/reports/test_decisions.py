"""What strategies saw and decided, on the page and in its numbers, from lines that are written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from harness.store.atomic import append_line, read_lines
from harness.store.cosines import BINS
from harness.store.paths import RunPaths
from reports import write_report
from reports.blocks import Drawing, Section
from reports.cosines import spreads
from reports.decisions import BOTH, KEPT, NOISE, PLANNED, SLIGHT, audit_table, filter_parts, hybrid_parts, scales
from reports.findings import findings
from reports.read import read_run
from reports.sections.exploration import exploration
from reports.tables import note_table

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

KIND = "update directions, pairs of a group"
ARMS = ("grpo", "g2rl", "hybrid", "filtered", "recalibrated")
CELLS = {arm: f"{place:02d}" for place, arm in enumerate(ARMS, start=1)}
AUDIT = "audit: <i>sensitivity</i> ranks true gradients with rho 0.40; bonus scaled by 0.40"


def bins(**counts: float) -> list[float]:
    """Return bins that are empty but for those that are given, by their place after a letter."""
    return [counts.get(f"at{place}", 0) for place in range(BINS)]


def tell(root: Path, cell: str, told: Callable[[int], Mapping[str, Any]]) -> None:
    """Write the step lines of a cell anew, each with what is told at its step."""
    train = RunPaths(root).cell(cell).train
    lines = read_lines(train)
    train.unlink()
    for line in lines:
        append_line(train, {**line, **told(line["step"])})


def look(root: Path, cell: str, step: int, cosines: Any, attempt: int = 1) -> None:
    line = {"attempt": attempt, "step": step, "share": (step - 1) / 8, "cosines": cosines}
    append_line(RunPaths(root).cell(cell).cosines, line)


def section(root: Path) -> Section:
    return exploration(findings(read_run(root)))


def named(found: Section) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in found.drawings}


@pytest.fixture
def root(write_run: WriteRun, spec: type[RunSpec]) -> Path:
    """Return a run of two seeds and eight steps, whose arms decide the same in both seeds."""
    root = write_run(spec(arms=ARMS, seeds=(0, 1)))
    for seed in (0, 1):
        for step in (1, 3, 5, 8):
            look(root, f"{CELLS['g2rl']}-{seed}", step, {KIND: bins(at10=3, at16=1) if step < 8 else bins(at19=4)})
        tell(root, f"{CELLS['hybrid']}-{seed}", lambda step: {"strategy": {"share": 0.4, "assigned": 0.25, "x": 1.0}})
        shares = {"filtered": 0.5, "filtered_unreliable": 0.375, "filtered_slight": 0.25, "reliability": 0.9}
        tell(root, f"{CELLS['filtered']}-{seed}", lambda step, shares=shares: {"strategy": shares})  # type: ignore[misc]
        tell(root, f"{CELLS['recalibrated']}-{seed}", recalibrated)
    return root


def recalibrated(step: int) -> dict[str, Any]:
    scale = 1.0 if step < 4 else 0.4
    told = {"scale": scale, "fidelity": scale, "fidelity_p": 0.01, "payoff": 1.0}
    note = {"kind": "note", "cause": AUDIT, "step": 4}
    return {"strategy": told, "events": [note] if step == 4 else []}


def test_three_looks_with_the_seeds_together(root: Path) -> None:
    found = spreads(read_run(root).cosines, ARMS)
    assert set(found["arm"]) == {"g2rl"}
    where = {look: rows[rows["cosines"] > 0] for look, rows in found.groupby("look", sort=False)}
    assert {look: rows["first_step"].iloc[0] for look, rows in where.items()} == {"first": 1, "middle": 5, "last": 8}
    first = where["first"]
    assert first[["from", "to", "cosines", "percent"]].to_numpy().tolist() == [[0.0, 0.1, 6, 75], [0.6, 0.7, 2, 25]]
    assert where["last"][["from", "to", "percent"]].to_numpy().tolist() == [[0.9, 1.0, 100]]
    assert where["middle"]["budget"].iloc[0] == 50


def test_a_look_that_few_seeds_had_is_no_last_look(root: Path) -> None:
    for seed in (2, 3, 4):
        look(root, f"{CELLS['g2rl']}-0", seed, {KIND: bins(at0=1)})
    rows = read_run(root).cosines
    lone = rows[(rows["seed"] == 0) | (rows["step"] < 8)]
    more = lone.assign(seed=9)
    found = spreads(pd.concat([lone, more[more["step"] == 1]]), ["g2rl"])
    assert found[found["look"] == "last"]["last_step"].iloc[0] == 5


def test_looks_that_a_resume_took_back_are_not_counted(root: Path) -> None:
    cell = f"{CELLS['g2rl']}-0"
    look(root, cell, 8, {KIND: bins(at0=2)}, attempt=2)
    rows = read_run(root).cosines
    (counts,) = rows.loc[(rows["seed"] == 0) & (rows["step"] == 8), "counts"]
    assert counts == tuple(bins(at0=2))


@pytest.mark.parametrize(
    "hostile",
    [None, 7, "<b>", [1, 2], bins(at3=-1), bins(at3=math.nan), [*bins()[:-1], "x"], [None] * BINS, {"a": 1}],
)
def test_what_is_no_histogram_is_counted_and_left_out(root: Path, hostile: Any) -> None:
    look(root, f"{CELLS['g2rl']}-1", 2, {KIND: hostile})
    drawing = named(section(root))["cosines-0"]
    assert "1 of 9 histograms can't be read, and are left out." in drawing.caption
    assert drawing.data is not None
    assert drawing.data["cosines"].sum() == 3 * 2 * 4


def test_where_no_histogram_can_be_read_there_is_a_reason_in_the_place_of_a_figure(root: Path) -> None:
    for seed in (0, 1):
        RunPaths(root).cell(f"{CELLS['g2rl']}-{seed}").cosines.unlink()
    look(root, f"{CELLS['g2rl']}-0", 1, {KIND: bins()})
    look(root, f"{CELLS['g2rl']}-0", 2, "no mapping")
    drawings = named(section(root))
    assert [drawings[f"cosines-{place}"].figure for place in (0, 1)] == [None, None]
    assert drawings["cosines-0"].caption == "Unknown: no cosine was counted."
    assert drawings["cosines-1"].caption.startswith("Unknown: no cosine was counted. 1 of 1 histograms can't be read")


def test_shares_of_a_hybrid_are_those_given_and_those_planned(root: Path) -> None:
    shares = hybrid_parts(read_run(root))
    assert set(shares["panel"]) == {"hybrid"}
    for part, share in {"primary": 0.75, "hedge": 0.25, PLANNED: 0.4}.items():
        ours = shares[shares["part"] == part]
        assert ours["x"].tolist() == list(range(1, 9))
        assert ours["share"].tolist() == pytest.approx([share] * 8)


def test_a_share_of_advantages_is_only_planned_and_one_inside_another_has_a_panel(root: Path) -> None:
    for seed in (0, 1):
        told = {"of/share": 0.1, "largest_share": 0.7}
        tell(root, f"{CELLS['hybrid']}-{seed}", lambda step, told=told: {"strategy": told})  # type: ignore[misc]
    shares = hybrid_parts(read_run(root))
    assert shares.groupby(["panel", "part"])["share"].mean().to_dict() == {
        ("hybrid (of)", "hedge"): pytest.approx(0.1), ("hybrid (of)", "primary"): pytest.approx(0.9),
    }  # fmt: skip


def test_what_a_filter_took_back_by_cause(root: Path) -> None:
    shares = filter_parts(read_run(root))
    # Half is taken back: 3/8 are noisy, 1/4 slight, so 1/8 is both.
    assert shares.groupby("part")["share"].mean().to_dict() == pytest.approx(
        {KEPT: 0.5, NOISE: 0.25, BOTH: 0.125, SLIGHT: 0.125}
    )


def test_audits_are_a_table_and_no_notes(root: Path) -> None:
    run = read_run(root)
    row = ("4", "50.0%", "0.40", "0.40", "0.010", "taken for granted", AUDIT.removeprefix("audit: "))
    assert audit_table(run).rows == (("recalibrated", "0", *row), ("recalibrated", "1", *row))
    assert note_table(run).rows == ()
    assert scales(run).groupby("x")["y"].mean().tolist() == [1, 1, 1] + [0.4] * 5


def test_an_audit_without_its_numbers_is_still_told(root: Path) -> None:
    tell(root, f"{CELLS['recalibrated']}-0", lambda step: {"strategy": {}})
    tell(root, f"{CELLS['recalibrated']}-1", lambda step: {"strategy": {"scale": math.nan, "fidelity": "x"}})
    rows = audit_table(read_run(root)).rows
    assert [row[4:8] for row in rows] == [("unknown",) * 4] * 2
    assert named(section(root)).keys().isdisjoint({"recalibration"})


def test_what_has_a_figure_of_its_own_is_no_curve_besides(root: Path) -> None:
    drawings = named(section(root))
    assert {"cosines-0", "hybrid-shares", "filter-decisions", "recalibration"} <= drawings.keys()
    logged = {one.title.removeprefix("What strategies log: ") for name, one in drawings.items() if "strategy-" in name}
    assert logged == {"x", "reliability"}
    assert all(drawings[name].described and drawings[name].data is not None for name in ("cosines-0", "recalibration"))
    assert "g2rl: first (step 1) about 0.20 on average, 0% below 0" in drawings["cosines-0"].described
    assert drawings["recalibration"].figure is not None
    assert drawings["recalibration"].figure.axes[0].get_ylim() == (-0.04, 1.04)
    assert "hybrid: hedge from 25% to 25%" in drawings["hybrid-shares"].described


def test_a_scale_that_is_no_recalibrations_stays_a_curve(root: Path) -> None:
    for seed in (0, 1):
        tell(root, f"{CELLS['grpo']}-{seed}", lambda step: {"strategy": {"scale": 7.0}})
    drawings = named(section(root))
    (curve,) = [one for one in drawings.values() if one.title == "What strategies log: scale"]
    assert curve.data is not None
    assert set(curve.data["arm"]) == {"grpo"}
    assert drawings["recalibration"].data is not None
    assert set(drawings["recalibration"].data["arm"]) == {"recalibrated"}


def test_numbers_that_are_none_leave_their_steps_out_and_no_traceback(root: Path) -> None:
    tell(root, f"{CELLS['filtered']}-0", lambda step: {"strategy": {"filtered": math.nan}})
    bad = {"filtered": math.inf, "filtered_unreliable": 0.1, "filtered_slight": 0.1}
    tell(root, f"{CELLS['filtered']}-1", lambda step: {"strategy": bad})
    tell(root, f"{CELLS['hybrid']}-0", lambda step: {"strategy": {"share": math.nan, "assigned": math.nan}})
    tell(root, f"{CELLS['hybrid']}-1", lambda step: {"strategy": {"share": "a third"}})
    drawings = named(section(root))
    assert (
        drawings["filter-decisions"].caption == drawings["hybrid-shares"].caption == "Unknown: no step has its numbers."
    )


def test_the_page_shows_them_escaped_and_with_their_definitions(root: Path, tmp_path: Path) -> None:
    folder = write_report(root, tmp_path / "site").root
    page, text = ((folder / name).read_text() for name in ("index.html", "leaderboard.md"))
    assert "<i>sensitivity" not in page + text
    for said in (f"Cosines: {KIND}", "Shares of a hybrid's parts", "What filters kept and took back", AUDIT[7:]):
        assert said in unescape(page)
        assert said in unescape(text)
    assert "fidelity times payoff" in unescape(page)
    names = {path.name for path in folder.rglob("*.csv")}
    assert {"cosines-0.csv", "hybrid-shares.csv", "filter-decisions.csv", "recalibration.csv", "audits.csv"} <= names


def test_where_no_arm_decides_anything_nothing_is_shown(write_run: WriteRun, spec: type[RunSpec]) -> None:
    found = section(write_run(spec()))
    shown = {*(one.name for one in found.drawings), *(one.name for one in found.tables)}
    assert shown.isdisjoint({"cosines-0", "hybrid-shares", "filter-decisions", "recalibration", "audits"})
