"""What a report says of tuning, and that trials are in no number of an arm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports import write_report
from reports.curves import device_seconds_by_phase, score_bands, training_bands
from reports.leaderboard import leaderboard
from reports.origin import origin_of_parameters
from reports.read import Run, TuningRun, read_run
from reports.summary import plain_answer, standing
from reports.tables import compute_table, hash_table
from reports.tried import failed_trials_table, tried_table

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

Trials = dict[str, dict[float, tuple[int | None, ...]]]

BOTH: Trials = {"grpo": {0.5: (4,), 1.0: (3,)}, "g2rl": {0.1: (2,), 0.3: (5,), 1.0: (5,)}}
FAILING: Trials = {"g2rl": {0.1: (None, 9), 0.3: (3, 4), 1.0: (None, None)}}
LOST: Trials = {"g2rl": {0.1: (None,), 0.3: (None,)}}


def tuning_of(run: Run) -> TuningRun:
    assert run.tuning is not None
    return run.tuning


@pytest.mark.parametrize(
    ("trials", "untried", "told"),
    [
        ({}, [], {"grpo": "defaults, untuned", "g2rl": "as written, untuned", "base": ""}),
        (
            BOTH,
            [],
            {
                "grpo": "tuned: strength=0.5 (best of 2, 200,000 tokens)",
                "g2rl": "tuned: strength=0.3 (best of 3, 200,000 tokens)",
            },
        ),
        (
            FAILING,
            [],
            {
                "grpo": "defaults, untuned",
                "g2rl": "tuned: strength=0.3 (best of 3 with 2 seeds each, 3 of 6 trials failed, 200,000 tokens)",
            },
        ),
        (LOST, [], {"g2rl": "not chosen: all 2 trials failed"}),
        (BOTH, [("g2rl", 1.0)], {"g2rl": "being tuned: 2 of 3 trials over"}),
    ],
)
def test_every_arm_says_where_its_parameters_come_from(
    trials: Trials,
    untried: list[tuple[str, float]],
    told: dict[str, str],
    write_run: WriteRun,
    spec: type[RunSpec],
    tmp_path: Path,
) -> None:
    folder = write_run(spec(trials=trials, untried=frozenset(untried), as_written=frozenset({"g2rl"})))
    assert {arm: origin_of_parameters(read_run(folder), arm) for arm in told} == told
    report = write_report(folder, tmp_path / "site").root
    board = (report / "leaderboard.md").read_text().split("\n## ")[0]
    rows = [line.split("|") for line in board.splitlines() if line.startswith("| ")]
    by_arm = {row[1].split()[0]: row[-2].strip() for row in rows}
    assert {arm: by_arm[arm] for arm in told} == told
    page = (report / "index.html").read_text()
    for words in told.values():
        assert words in page
    assert ("What was tried" in page) == bool(trials)


def test_trials_are_in_no_number_of_an_arm(write_run: WriteRun, spec: type[RunSpec]) -> None:
    plain, tuned = read_run(write_run(spec(name="plain"))), read_run(write_run(spec(name="tuned", trials=BOTH)))
    ours, theirs = leaderboard(plain), leaderboard(tuned)
    for row, other in zip(ours.rows, theirs.rows, strict=True):
        assert (row.primary, row.difference, row.suites, row.spent) == (
            other.primary,
            other.difference,
            other.suites,
            other.spent,
        )
    for name in ("scores", "training", "compute"):
        assert getattr(plain, name).equals(getattr(tuned, name))
    assert training_bands(plain, "reward").equals(training_bands(tuned, "reward"))
    assert score_bands(plain, "countdown", "flops").equals(score_bands(tuned, "countdown", "flops"))


def test_the_table_of_what_was_tried(write_run: WriteRun, spec: type[RunSpec]) -> None:
    table = tried_table(tuning_of(read_run(write_run(spec(trials=BOTH)))), "g2rl")
    # One step of 100 tokens, 1e6 FLOPs and 3 s for each trial; 2, 5 and 5 of 10 answers right.
    assert table.rows == (
        ("strength=0.1", "20.0%", "1/1", "100", "1.00 M", "3.0", "0", "0.5"),
        ("strength=0.3 (chosen)", "50.0%", "1/1", "100", "1.00 M", "3.0", "0", "0.5"),
        ("strength=1.0", "50.0%", "1/1", "100", "1.00 M", "3.0", "0", "0.5"),
    )
    assert len(table.header) == len(table.rows[0])


def test_failed_trials_are_told_with_their_cause_and_what_they_lost(write_run: WriteRun, spec: type[RunSpec]) -> None:
    tuning = tuning_of(read_run(write_run(spec(trials=FAILING))))
    table = tried_table(tuning, "g2rl")
    assert [row[:4] for row in table.rows] == [
        ("strength=0.1", "90.0%", "1/2", "300"),
        ("strength=0.3 (chosen)", "35.0% ±\N{NO-BREAK SPACE}63.5", "2/2", "200"),  # 12.706 * sd 0.0707 / sqrt 2
        ("strength=1.0", "failed", "0/2", "400"),
    ]
    assert [row[6] for row in table.rows] == ["3.0", "0", "6.0"], "each failed trial lost a step of 3 s"
    assert failed_trials_table(tuning, "g2rl").rows == tuple(
        (words, seed, f"diverged: loss was nan with g2rl: {words}")
        for words, seed in (("strength=0.1", "1000000"), ("strength=1.0", "1000000"), ("strength=1.0", "1000001"))
    )


def test_a_point_that_was_not_tried_yet(write_run: WriteRun, spec: type[RunSpec]) -> None:
    table = tried_table(tuning_of(read_run(write_run(spec(trials=BOTH, untried=frozenset({("g2rl", 1.0)}))))), "g2rl")
    assert table.rows[2] == ("strength=1.0", "not yet", "0/1", *["not yet"] * 5)
    assert not any("chosen" in row[0] for row in table.rows)


def test_the_bill_has_tuning_in_rows_of_its_own(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(trials=FAILING)))
    rows = {row[:2]: row[2:] for row in compute_table(run).rows}
    # Six trials; three failed and took their step of 3 s twice; the three others were evaluated for 0.5 s.
    assert rows["g2rl", "tuning: training"] == ("900", "0", "0", "9.00 M", "27.0", "9.0", "unknown", "unknown")
    assert rows["g2rl", "tuning: evaluation"][4] == "1.5"
    assert not any(arm == "grpo" and phase.startswith("tuning") for arm, phase in rows)
    seconds = device_seconds_by_phase(run)
    assert seconds[(seconds["arm"] == "g2rl") & (seconds["phase"] == "tuning")]["device_seconds"].tolist() == [28.5]
    assert set(seconds["arm"]) == {"base", "grpo", "g2rl"}


def test_the_validation_suite_stands_among_what_was_evaluated(write_run: WriteRun, spec: type[RunSpec]) -> None:
    table = hash_table(read_run(write_run(spec(trials=BOTH))))
    assert [row[0] for row in table.rows] == ["countdown", "sorting", "validation"]


def test_a_reader_is_warned(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(trials=FAILING)))
    caution = plain_answer(run, leaderboard(run))[-1]
    assert "g2rl was tuned and the baseline grpo was not" in caution
    assert "3 of 6 trials of g2rl failed, so it was tuned on the rest" in caution
    fair = read_run(write_run(spec(name="fair", trials=BOTH)))
    assert "tuned" not in plain_answer(fair, leaderboard(fair))[-1]


@pytest.mark.parametrize(
    ("trials", "untried", "why"),
    [
        (BOTH, frozenset({("g2rl", 1.0)}), "being tuned: 2 of 3 trials over"),
        (LOST, frozenset(), "not chosen: all 2 trials failed"),
    ],
)
def test_an_arm_without_parameters_leaves_the_report_partial(
    trials: Trials,
    untried: frozenset[tuple[str, float]],
    why: str,
    write_run: WriteRun,
    spec: type[RunSpec],
) -> None:
    run = read_run(write_run(spec(trials=trials, untried=untried)))
    assert standing(run, leaderboard(run)) == (
        f"Partial report: 6 of 9 cells are done (3 without parameters). Parameters of g2rl: {why}."
    )


def test_the_page_is_whole_with_names_that_are_no_html(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    nasty = "<b>g2rl</b> | `x`"
    run = write_run(spec(arms=("grpo", nasty), trials={nasty: {0.1: (1,), 0.3: (None,)}}))
    page = (write_report(run, tmp_path / "site").root / "index.html").read_text()
    assert "<b>" not in page
    assert 'id="tuning"' in page
    assert re.search(r'href="#tuning"', page)


def test_a_run_whose_baseline_has_no_parameters_is_reported(
    write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    lost: Trials = {"grpo": {0.1: (None,), 0.3: (None,)}, "g2rl": {0.1: (1,), 0.3: (2,)}}
    text = write_report(write_run(spec(trials=lost)), tmp_path / "site").leaderboard.read_text()
    assert "Parameters of grpo: not chosen: all 2 trials failed." in text
    assert "There is no arm to compare with the baseline grpo yet." in text
