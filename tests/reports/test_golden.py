"""The Markdown of a run that never changes, compared with a file: what a diff of it shows is what changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports import write_report

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

GOLDEN = Path(__file__).with_name("golden") / "leaderboard.md"
FIX = (
    "if this is meant: pytest tests/reports/test_golden.py --rewrite-golden, and look at the diff before committing it"
)


def test_the_markdown_is_what_it_was(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    given = spec(
        name="golden",
        arms=("grpo", "g2rl", "noise_novelty", "a | b <i>"),
        edge={"g2rl": 0.25, "noise_novelty": -0.2},
        seed_noise=0.02,
        failed={("a | b <i>", 1): "tried to allocate 12 GiB"},
    )
    run = write_run(given)
    paths = write_report(run, tmp_path / "site")
    text = paths.leaderboard.read_text(encoding="utf-8")
    write_report(run, tmp_path / "site")
    assert paths.leaderboard.read_text(encoding="utf-8") == text
    if pytestconfig.getoption("rewrite_golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text.splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines(), FIX


def test_arms_stand_in_the_plans_order_in_rows_as_wide_as_the_head() -> None:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    table = next(line for line in lines if line.startswith("| arm"))
    start = lines.index(table)
    rows = lines[start : lines.index("", start)]
    assert len(rows) > 6
    assert len({len(row) for row in rows[:7]}) == 1, (
        "fixed widths; the cause of a failed cell may make its own line longer"
    )
    assert [row.split("|")[1].split()[0] for row in rows[2:7]] == ["base", "grpo", "g2rl", "noise_novelty", "a"]
