from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reports.aggregates import aggregate_table
from reports.consistency import consistency_table, noise_table, steadiness
from reports.efficiency import efficiency, efficiency_table
from reports.leaderboard import cells, leaderboard
from reports.read import read_run
from reports.reading import at_best, at_checkpoint

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

RISE = {
    **{("base", seed, 0): 1 for seed in range(2)},
    **{
        (arm, seed, step): (3, 5, 6, 7)[step - 1]
        for arm in ("grpo", "g2rl")
        for seed in range(2)
        for step in range(1, 5)
    },
}
"""Right answers of 10 at each checkpoint."""
DROP = {("g2rl", 1, 3): 1}


@pytest.fixture
def dropped(write_run: WriteRun, spec: type[RunSpec]) -> RunSpec:
    return spec(seeds=(0, 1), checkpoints=4, correct={**RISE, **DROP}, items=200, cost={"g2rl": 2.0})


def test_an_erratic_fall_is_told_with_its_seed_and_step(dropped: RunSpec, write_run: WriteRun) -> None:
    run = read_run(write_run(dropped))
    at = at_checkpoint(run, 4)
    found = steadiness(run, "g2rl", at)
    assert [(seed, fall.at) for seed, fall in found.jumps] == [(1, 3)]
    assert [(seed, fall.at) for seed, fall in found.rollbacks] == [(1, 3)]
    rows = {
        row[0]: row for row in consistency_table(run, [steadiness(run, arm, at) for arm in run.plan.trained_arms]).rows
    }
    assert rows["g2rl"][6] == "seed 1, step 6: \N{MINUS SIGN}40.0"
    assert rows["grpo"][6:] == ("none", "none")
    assert rows["grpo"][3] == "100.0%"
    assert rows["g2rl"][3] == "87.5%"
    assert rows["g2rl"][5] == "40.0"


def test_a_fall_within_the_noise_is_none(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(seeds=(0, 1), checkpoints=4, correct={**RISE, ("g2rl", 1, 3): 4}, items=4)))
    assert steadiness(run, "g2rl", at_checkpoint(run, 4)).jumps == []


def test_the_noise_of_the_measurement_is_that_of_the_untrained_model(dropped: RunSpec, write_run: WriteRun) -> None:
    row = next(row for row in noise_table(read_run(write_run(dropped))).rows if row[0] == "countdown")
    # Each of 200 items: 2 of 20 right, 2 * 18 / (20 * 19) = 0.0947 for one answer; sqrt(0.0947 / 10 / 200) = 0.69.
    assert row[1:4] == ("2", "18.9%", "0.69")
    assert row[4:] == ("1.91", "1.35")


def test_twice_the_compute_for_the_same_score_is_off_the_front(dropped: RunSpec, write_run: WriteRun) -> None:
    run = read_run(write_run(dropped))
    grpo, g2rl = efficiency(run, "generated_tokens")
    assert (grpo.on_front, g2rl.on_front) == (True, False)
    assert grpo.to_baseline is not None
    assert g2rl.to_baseline is not None
    assert (grpo.to_baseline.median, g2rl.to_baseline.median) == (8000, 16000)
    # Over 8,000 tokens grpo goes 10, 30, 50, 60, 70 percent: (20 + 40 + 55 + 65) / 4; g2rl comes to half of its way.
    assert grpo.area is not None
    assert g2rl.area is not None
    assert grpo.area.mean == pytest.approx(0.45)
    assert g2rl.area.mean == pytest.approx(0.30)
    texts = efficiency_table(run, "generated_tokens", efficiency(run, "generated_tokens")).rows[1]
    assert texts[2] == "16.0 k [16.0 k, 16.0 k], covers 50%"


def test_the_best_checkpoint_is_chosen_on_another_suite(write_run: WriteRun, spec: type[RunSpec]) -> None:
    counts = {
        ("g2rl", seed, step, "sorting"): [(5, 9, 7, 9)[step - 1]] * 20 for seed in range(2) for step in range(1, 5)
    }
    root = write_run(spec(seeds=(0, 1), checkpoints=4, correct=RISE, counts=counts, compare_at="sorting"))
    run = read_run(root)
    assert at_best(run, "sorting").of("g2rl", 0) == {2: 1.0}, "the first of equals"
    board = leaderboard(run)
    assert board.at.words == "at the checkpoint of each cell that is best on sorting"
    row = next(row for row in board.rows if row.arm == "g2rl")
    assert row.primary is not None
    assert row.primary.mean == pytest.approx(0.5)
    assert board.at.mark == ""


def test_a_checkpoint_picked_on_a_test_suite_marks_every_row(write_run: WriteRun, spec: type[RunSpec]) -> None:
    board = leaderboard(read_run(write_run(spec(seeds=(0, 1), correct=RISE, checkpoints=4, compare_at="countdown"))))
    for row in board.rows:
        marked = "checkpoint picked on countdown, a suite that arms are compared on" in cells(row, board)[0]
        assert marked == (row.arm != "base")


def test_an_arm_with_cells_to_come_is_not_ranked(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(unfinished={("g2rl", 2): 1})))
    board = leaderboard(run)
    ranks = {row.arm: cells(row, board)[1] for row in board.rows}
    assert ranks == {"base": "", "grpo": "1", "g2rl": "partial"}


def test_aggregates_are_of_seeds_and_suites(dropped: RunSpec, write_run: WriteRun) -> None:
    run = read_run(write_run(dropped))
    grpo, g2rl = aggregate_table(run, at_checkpoint(run, 4)).rows
    assert grpo == ("grpo", "70.0% [70.0, 70.0]", "reference", "30.0%", "100.0%", "100.0%", "0.0%")
    assert g2rl[2] == "50.0%"
