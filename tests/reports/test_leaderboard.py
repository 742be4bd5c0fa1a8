from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness.store.paths import RunPaths
from reports.leaderboard import ArmRow, Leaderboard, cells, header, leaderboard
from reports.markdown import standings_lines
from reports.read import Run, read_run
from reports.summary import plain_answer, standing

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

# Of 10 samples per item, by seed: base 1 1 1, grpo 2 3 4, g2rl 5 6 8.
WORKED = {
    **{("base", seed, 0): 1 for seed in range(3)},
    **{("grpo", seed, 2): 2 + seed for seed in range(3)},
    **{("g2rl", seed, 2): (5, 6, 8)[seed] for seed in range(3)},
}


def _row(board: Leaderboard, arm: str) -> ArmRow:
    return next(row for row in board.rows if row.arm == arm)


def _texts(board: Leaderboard, arm: str) -> dict[str, str]:
    return dict(zip(header(board), cells(_row(board, arm), board), strict=True))


@pytest.fixture
def worked(write_run: WriteRun, spec: type[RunSpec]) -> Run:
    return read_run(write_run(spec(correct=WORKED)))


def test_scores_and_paired_differences_by_hand(worked: Run) -> None:
    board = leaderboard(worked)
    grpo, g2rl = _texts(board, "grpo"), _texts(board, "g2rl")
    # sd 10 points over 3 seeds: 4.3027 * 10 / sqrt(3) = 24.8.
    assert grpo["countdown (%)"] == "30.0% ±\N{NO-BREAK SPACE}24.8"
    assert grpo["less grpo (points)"] == "reference"
    # sd 15.28 points; differences of 30, 30 and 40 points have sd 5.774: 4.3027 * 5.774 / sqrt(3) = 14.3.
    assert g2rl["countdown (%)"] == "63.3% ±\N{NO-BREAK SPACE}37.9"
    assert g2rl["less grpo (points)"] == "+33.3 [+19.0, +47.7]"
    assert g2rl["verdict"] == "improved"
    assert g2rl["for these items (points)"] == g2rl["less grpo (points)"], "all items alike: they add no noise"
    assert grpo["for these items (points)"] == ""
    assert _texts(board, "base")["less grpo (points)"] == "\N{MINUS SIGN}20.0 [\N{MINUS SIGN}44.8, +4.8]"


def test_compute_is_per_seed_and_leaves_evaluation_out(worked: Run) -> None:
    grpo = _texts(leaderboard(worked), "grpo")
    assert grpo["generated tokens"] == "8.00 k"
    assert grpo["FLOPs"] == "32.0 G"
    assert grpo["device-seconds"] == "3.6"
    assert grpo["of which lost (s)"] == "0"


def test_best_first_on_the_page_and_the_plans_order_in_markdown(worked: Run) -> None:
    board = leaderboard(worked)
    assert [row.arm for row in board.ranked] == ["g2rl", "grpo", "base"]
    assert [row.arm for row in board.rows] == ["base", "grpo", "g2rl"]


def test_the_answer_says_what_the_numbers_say(worked: Run) -> None:
    answer = " ".join(plain_answer(worked, leaderboard(worked)))
    assert "g2rl scores 33.3 points (95% interval 19.0 to 47.7) higher than the baseline grpo" in answer
    assert "from 10.0% (untrained) to 30.0%, up by 20.0 points" in answer
    assert "this run can't tell that from no change" in answer
    assert "it fell" in answer
    assert "3 seeds per arm are few" in answer


def test_no_clear_difference_is_said_so(write_run: WriteRun, spec: type[RunSpec]) -> None:
    same = {("g2rl", seed, 2): 4 - seed for seed in range(3)}
    run = read_run(write_run(spec(correct=WORKED | same)))
    answer = plain_answer(run, leaderboard(run))[0]
    assert (
        answer
        == "On countdown, this run can't tell g2rl from the baseline grpo: no 95% interval is clear enough of zero."
    )


def test_a_single_seed_has_no_interval(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(seeds=(4,), correct={("grpo", 4, 2): 3, ("g2rl", 4, 2): 6})))
    texts = _texts(leaderboard(run), "g2rl")
    assert texts["countdown (%)"] == "60.0%, n/a (1 seed)"
    assert texts["less grpo (points)"] == "+30.0, n/a (1 seed)"
    assert texts["verdict"] == "can't tell"


def test_only_seeds_that_both_have_are_paired(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(correct=WORKED, failed={("grpo", 0): "too big"})))
    row = _row(leaderboard(run), "g2rl")
    assert row.seeds == 3
    assert row.difference is not None
    assert row.difference.count == 2
    assert "g2rl and grpo are not paired on seed 0" in plain_answer(run, leaderboard(run))[-1]


def test_a_failed_cell_is_a_row_with_its_cause_and_its_compute(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(failed={("g2rl", 1): "tried to get 90 GiB"})))
    board = leaderboard(run)
    text = "\n".join(standings_lines(board))
    line = next(line for line in text.splitlines() if "seed 1: failed" in line)
    assert "out of memory: tried to get 90 GiB" in line
    assert "| 1.00 k " in line
    assert _row(board, "g2rl").seeds == 2
    assert "1 failed" in (standing(run, board) or "")


def test_unknown_compute_is_unknown_and_never_0(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    ledger = RunPaths(root).cell("01-1").ledger
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    lines[0]["forward_flops"] = None
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    RunPaths(root).cell("02-0").ledger.unlink()
    board = leaderboard(read_run(root))
    assert _texts(board, "grpo")["FLOPs"] == "unknown"
    assert _texts(board, "grpo")["generated tokens"] == "8.00 k"
    assert _texts(board, "g2rl")["device-seconds"] == "unknown"


def test_before_any_cell_is_done_arms_are_compared_where_most_have_come(
    write_run: WriteRun, spec: type[RunSpec]
) -> None:
    cut = {(arm, seed): 1 for arm in ("grpo", "g2rl") for seed in range(3)}
    run = read_run(write_run(spec(unfinished=cut, checkpoints=4)))
    board = leaderboard(run)
    assert (board.at.share, board.trained) == (0.25, True)
    assert "compared at 25% of the budget" in (standing(run, board) or "")


def test_with_only_the_base_model_there_is_no_answer_yet(write_run: WriteRun, spec: type[RunSpec]) -> None:
    nothing = {(arm, seed): 0 for arm in ("grpo", "g2rl") for seed in range(3)}
    run = read_run(write_run(spec(unfinished=nothing)))
    board = leaderboard(run)
    assert not board.trained
    assert "No trained arm has been evaluated yet" in plain_answer(run, board)[0]
    assert _texts(board, "grpo")["countdown (%)"] == "not yet"


def test_several_primary_suites_count_as_their_mean(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec(correct=WORKED))
    resolved = json.loads(RunPaths(root).resolved.read_text())
    resolved["suites"][1]["primary"] = True
    RunPaths(root).resolved.write_text(json.dumps(resolved))
    run = read_run(root)
    board = leaderboard(run)
    row = _row(board, "grpo")
    assert board.primary == "mean of countdown and sorting"
    parts = [row.suites[suite] for suite in ("countdown", "sorting")]
    assert row.primary is not None
    assert row.primary.mean == pytest.approx(sum(part.mean for part in parts if part) / 2)


def test_new_numbers_touch_only_their_line(write_run: WriteRun, spec: type[RunSpec]) -> None:
    texts = []
    for value in (9, 10):
        changed = {("g2rl", seed, 2): value for seed in range(3)}
        run = read_run(write_run(spec(name=f"toy{value}", correct=WORKED | changed)))
        texts.append(standings_lines(leaderboard(run)))
    before, after = texts
    differing = [old for old, new in zip(before, after, strict=True) if old != new]
    assert len(differing) == 1
    assert "g2rl" in differing[0]
    assert len({len(line) for line in before if line.startswith("|")}) == 1


def test_markdown_is_not_broken_by_a_name(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(arms=("grpo", "a|b\n`<b>"))))
    lines = [line for line in standings_lines(leaderboard(run)) if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert "<b>" not in "".join(lines)


def test_the_intervals_of_several_arms_hold_together(write_run: WriteRun, spec: type[RunSpec]) -> None:
    # Of 10: hybrid less grpo is 2 3 4 points of ten; sd 10 points over 3 seeds.
    correct = WORKED | {("hybrid", seed, 2): (4, 6, 8)[seed] for seed in range(3)}
    board = leaderboard(read_run(write_run(spec(correct=correct, arms=("grpo", "g2rl", "hybrid")))))
    # Two arms: g2rl is the surer one, at 97.5% with t(2) = 6.2053: 6.2053 * 5.774 / sqrt(3) = 20.7. Holm leaves 95% for
    # hybrid: 4.3027 * 10 / sqrt(3) = 24.8.
    assert _texts(board, "g2rl")["less grpo (points)"] == "+33.3 [+12.6, +54.0]"
    assert _texts(board, "hybrid")["less grpo (points)"] == "+30.0 [+5.2, +54.8]"
    assert _texts(board, "hybrid")["verdict"] == "improved"
    assert [_texts(board, arm)["rank"] for arm in ("base", "grpo", "g2rl", "hybrid")] == ["", "3", "1", "1"], (
        "of three pairs, grpo is told from g2rl, which leads, at 98.3%"
    )
    assert board.joint == "joint 95% interval over 2 arms"
    assert _texts(board, "base")["less grpo (points)"] == "\N{MINUS SIGN}20.0 [\N{MINUS SIGN}44.8, +4.8]", (
        "a question of its own"
    )
