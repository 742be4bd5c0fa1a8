from __future__ import annotations

import json
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scipy import stats

from harness.evaluation.records import read_records, write_records
from harness.store.paths import RunPaths
from harness.store.questions import write_questions
from reports.compare.compared import compared, settings_that_differ
from reports.compare.show import as_html, as_json, as_markdown, comparison
from reports.compare.sides import read_side
from reports.errors import ReportError

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

COUNTS = {
    ("grpo", 0, 2, "countdown"): (0, 2, 4),
    ("grpo", 1, 2, "countdown"): (0, 4, 4),
    ("g2rl", 0, 2, "countdown"): (4, 2, 0),
    ("g2rl", 1, 2, "countdown"): (3, 4, 3),
}
TwoRuns = Callable[..., tuple[Path, Path]]


@pytest.fixture
def two(write_run: WriteRun, spec: type[RunSpec]) -> TwoRuns:
    """Return a function that writes two runs with the same counts, the second with changes."""

    def write(**changes: Any) -> tuple[Path, Path]:
        given: dict[str, Any] = {"seeds": (0, 1), "items": 3, "samples": 4, "counts": COUNTS}
        return write_run(spec(**{**given, "name": "one"})), write_run(spec(**{**given, "name": "other", **changes}))

    return write


def test_arms_of_two_runs_by_hand(two: TwoRuns) -> None:
    one, other = two()
    (found,) = compared(read_side(f"{one}:g2rl"), read_side(f"{other}:grpo"), ["countdown"])
    # d = (1, 0, -1) and (0.75, 0, -0.25): seed means 0 and 1/6
    assert found.scores == pytest.approx(((6 / 12 + 10 / 12) / 2, (6 / 12 + 8 / 12) / 2))
    assert found.over_seeds.mean == pytest.approx(1 / 12)
    assert found.seeds == ((0, 0), (1, 1))
    assert (found.changes.gained, found.changes.lost) == ((0,), (2,))
    assert (found.right[0].tolist(), found.right[1].tolist(), found.drawn) == ([7, 6, 3], [0, 6, 8], (8, 8))
    theirs = stats.ttest_1samp([0.875, 0.0, -0.625], 0).confidence_interval()
    assert (found.over_items.low, found.over_items.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_two_checkpoints_of_an_arm(two: TwoRuns) -> None:
    one, _ = two()
    (found,) = compared(read_side(f"{one}:grpo@2"), read_side(f"{one}:grpo@0"), ["countdown"])
    assert found.scores[0] == pytest.approx(7 / 12)
    (none,) = compared(read_side(f"{one}:grpo@0"), read_side(f"{one}:base"), ["countdown"])
    assert none.verdict == "equivalent", "the start of training is the untrained model"


def test_seeds_that_one_side_lacks_are_listed(two: TwoRuns) -> None:
    one, other = two(seeds=(1, 2, 3), counts={})
    found = compared(read_side(f"{one}:grpo"), read_side(f"{other}:grpo"))
    assert {row.seeds for row in found} == {((1, 1),)}
    assert found[0].left_out == "A: 1 seed without its pair (0); B: 2 seeds without its pair (2, 3)"
    assert found[0].verdict == "can't tell"


def test_single_seeds_are_paired_whatever_their_numbers(write_run: WriteRun, spec: type[RunSpec]) -> None:
    one, other = (write_run(spec(name=f"run-{seed}", seeds=(seed,))) for seed in (3, 7))
    found = compared(read_side(f"{one}:grpo"), read_side(f"{other}:grpo"))
    assert {row.seeds for row in found} == {((3, 7),)}
    assert found[0].over_seeds.half_width is None
    assert found[0].over_items.half_width is not None


def test_an_item_that_one_side_lacks_is_left_out(two: TwoRuns) -> None:
    one, other = two()
    path = RunPaths(other).cell("01-0").record(2, "countdown")
    records = read_records(path)
    write_records(path, records.key, records.items[:2], settings="made up")
    (found,) = compared(read_side(f"{one}:g2rl"), read_side(f"{other}:grpo"), ["countdown"])
    assert found.left_out == "1 item"
    assert len(found.items) == 2


def test_another_suite_is_refused_with_its_fields(two: TwoRuns) -> None:
    one, other = two()
    for root, temperature in ((one, 1.0), (other, 0.7)):
        path = RunPaths(root).resolved
        plan = json.loads(path.read_text())
        for suite in plan["suites"]:
            suite["terms"] = {"name": suite["name"], "temperature": temperature}
        if root == other:
            plan["suites"][0]["sha256"] = "f" * 64
            for record in root.rglob("*-countdown.parquet"):
                record.unlink()
        path.write_text(json.dumps(plan))
    sides = read_side(f"{one}:grpo@2"), read_side(f"{other}:grpo@2")
    with pytest.raises(ReportError, match=r"countdown is another suite in A than in B.*temperature: 1.0 against 0.7"):
        compared(*sides)
    assert [row.suite for row in compared(*sides, ["sorting"])] == ["sorting"]


@pytest.mark.parametrize(
    ("side", "said"),
    [
        ("{one}", "has several arms"),
        ("{one}:ppo", "there is no arm 'ppo'"),
        ("{one}:grpo@9", "there is no checkpoint 9; there are 0 to 2"),
        ("{one}:grpo@last", "expected the number of a checkpoint"),
        ("nowhere:grpo", "this is not the folder of a run"),
    ],
)
def test_what_is_not_there_is_said(side: str, said: str, two: TwoRuns) -> None:
    one, _ = two()
    with pytest.raises(ReportError, match=said):
        read_side(side.replace("{one}", str(one)))


def test_suites_and_seeds_that_are_not_shared_are_said(two: TwoRuns) -> None:
    one, other = two()
    sides = read_side(f"{one}:grpo"), read_side(f"{other}:grpo")
    with pytest.raises(ReportError, match="A and B share countdown, sorting"):
        compared(*sides, ["chess"])
    with pytest.raises(ReportError, match="no records of seed 9"):
        compared(*sides, seed=9)


def test_settings_that_differ_are_named(two: TwoRuns) -> None:
    one, other = two(verdicts={"margin": 2.0})
    path = RunPaths(other).resolved
    plan = json.loads(path.read_text()) | {"training": {"kl": 0.1, "temperature": 1.0}}
    path.write_text(json.dumps(plan))
    found = settings_that_differ(read_side(f"{one}:grpo"), read_side(f"{other}:grpo"))
    assert ("verdicts.margin", "1.0", "2.0") in found
    assert ("training.kl", "\N{EM DASH}", "0.1") in found
    assert not any(name.startswith("model") for name, _, _ in found)


def test_page_markdown_and_json_have_the_items_and_escape_them(two: TwoRuns) -> None:
    one, other = two()
    bad = "<script>alert(1)</script> | `x`"
    path = RunPaths(one).cell("02-0").record(2, "countdown")
    records = read_records(path)
    texts = [type(item)(**{**vars_of(item), "texts": (bad,) * 4}) for item in records.items]
    write_records(path, records.key, texts, settings="made up")
    write_questions(RunPaths(one), "countdown", records.key.suite_sha256, {"countdown-0": f"{bad} \u202e?"})
    found = comparison(read_side(f"{one}:g2rl"), read_side(f"{other}:grpo"), suites=["countdown"])
    page, table, fields = as_html(found), as_markdown(found), as_json(found)
    assert "<script>" not in page + table
    assert bad in unescape(page)
    assert bad in unescape(table)
    assert len({line.count("|") for line in table.splitlines() if line.startswith("| countdown")}) == 2
    (suite,) = fields["suites"]
    assert (suite["items_gained"], suite["items_lost"]) == (["countdown-0"], ["countdown-2"])
    assert (suite["gained"][0]["question"], suite["lost"][0]["question"]) == (f"{bad} \u202e?", None)
    for text in (page, table):
        assert f"{bad} ⟨U+202E⟩?" in unescape(text)
        assert "\u202e" not in text
        assert "not kept" in text
    assert suite["gained"][0]["answers"][0][0] == {"right": True, "text": bad}
    assert json.dumps(fields)


def vars_of(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}
