"""Tables and figures as files: numbers in CSV and JSON, LaTeX, the records behind a row, definitions."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports import ReportError, write_report
from reports.blocks import Table
from reports.definitions import definition_of
from reports.exports import as_csv, as_json, as_latex
from reports.findings import findings
from reports.formatting import Number, points, quantity, score
from reports.leaderboard import leaderboard
from reports.read import read_run
from reports.sections import sections
from reports.statistics import Interval

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

HALF = Interval(mean=0.22, count=3, half_width=0.039)
TABLE = Table(
    name="small",
    header=("arm", "score (%)", "tokens", "why"),
    rows=(
        ("=cmd|' /C calc'!A0", score(HALF), quantity(1_234_000), 'a\x1b,"b"'),
        ("g2rl", score(None), quantity(math.nan), "+1"),
    ),
)


def test_csv_has_numbers_with_the_ends_of_their_interval_and_runs_nothing() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(TABLE))))
    assert rows == [
        ["arm", "score (%)", "score (%): low", "score (%): high", "tokens", "why"],
        ["'=cmd|' /C calc'!A0", "22", "18.1", "25.9", "1234000", 'a␛,"b"'],
        ["g2rl", "not yet", "", "", "", "'+1"],
    ]


def test_json_has_what_is_shown_and_what_it_is() -> None:
    found = json.loads(as_json(TABLE))
    assert found["columns"] == list(TABLE.header)
    assert found["rows"][0][1] == {"text": "22.0% ±\xa03.9", "value": 22.0, "low": 18.1, "high": 25.9}
    assert found["rows"][1][1:3] == ["not yet", {"text": "unknown", "value": None}]


def test_a_number_is_its_text() -> None:
    shown = points(Interval(mean=-0.031, count=3, half_width=0.01))
    assert isinstance(shown, Number)
    assert shown == "\N{MINUS SIGN}3.1 [\N{MINUS SIGN}4.1, \N{MINUS SIGN}2.1]"
    assert (shown.value, shown.low, shown.high) == pytest.approx((-3.1, -4.1, -2.1))


def test_the_main_table_for_a_paper(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(arms=("grpo", "a_b & 50% {x}"))))
    text = as_latex(leaderboard(run), "toy_1")
    lines = text.splitlines()
    for rule in ("\\toprule", "\\midrule", "\\bottomrule"):
        assert lines.count(rule) == 1
    rows = lines[lines.index("\\midrule") + 1 : lines.index("\\bottomrule")]
    assert len(rows) == 3
    assert rows[2].startswith("a\\_b \\& 50\\% \\{x\\} & ")
    heads = lines[lines.index("\\toprule") + 1]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in (heads, *rows)} == {len(re.findall("r", "rrrrrr"))}


def test_the_records_behind_every_row_are_told_with_their_hashes(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    run = write_run(spec())
    checksums = write_report(run, tmp_path / "site").checksums
    files = checksums.read_text().splitlines()
    assert len(files) == 3 * 3 * 2, "three arms with the untrained model, three seeds, two suites"
    digest, path = files[0].split("  ")
    assert hashlib.sha256((run / path).read_bytes()).hexdigest() == digest
    check = ["sha256sum", "--check", "--quiet", str(checksums)]
    assert subprocess.run(check, check=False, cwd=run).returncode == 0
    (run / path).write_bytes(b"changed")
    assert subprocess.run(check, check=False, cwd=run, capture_output=True).returncode == 1


WORDS = {
    "arm", "cell", "cells", "cause", "what", "value", "note", "watch", "reset", "host", "ended", "prompt", "answer",
    "decision", "version", "skill", "temperature", "token cap", "job", "state", "allocated", "in every started cell",
    "first alarm (step)", "steps in alarm", "last evidence", "failed trial", "trials finished", "elapsed (s)",
    "CPU time (s)", "files of records", "the same without resets", "item",
}  # fmt: skip
"""Columns that say themselves what they hold: names, causes, texts and counts."""


def test_every_column_of_numbers_has_its_definition(write_run: WriteRun, spec: type[RunSpec]) -> None:
    found = findings(read_run(write_run(spec(trials={"g2rl": {0.1: (3,), 0.3: (None,)}}))))
    titles = {title for section in sections(found) for table in section.tables for title in table.header}
    assert len(titles) > 50
    assert {title for title in titles if not definition_of(title, found.run.plan)} <= WORDS


def test_an_unfinished_run_is_reported_as_partial_or_not_at_all(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    run = write_run(spec(unfinished={("g2rl", 1): 1}))
    with pytest.raises(ReportError, match=r"1 of 9 cells are still to come.*--partial"):
        write_report(run, tmp_path / "site", partial=False)
    assert not (tmp_path / "site").exists()
    paths = write_report(run, tmp_path / "site", partial=True)
    for path in (paths.page, paths.leaderboard, paths.answers(1)):
        assert "Partial report: 8 of 9 cells are done" in path.read_text()


def test_one_arm_alone_is_reported(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    page = write_report(write_run(spec(arms=("grpo",))), tmp_path / "site").page.read_text()
    assert "There is no arm to compare with the baseline grpo yet." in page
    assert "Training with grpo took the score from" in page
