"""What is chosen is written once, and every process reads the same plan from the run's folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.plan.resolve import Plan, load_plan
from harness.plan.trials import cells_of, settle, trial_plan, trials_of
from harness.store import attempts
from harness.store.choices import read_choices
from harness.store.paths import RunPaths
from harness.tuning.settle import choose, settled, stored_cell
from harness.tuning.waiting import waiting_lines

Trial = Callable[..., None]


@pytest.fixture
def finished(plan: Plan, run: RunPaths, trial: Trial) -> None:
    """Every trial is over; 0.3 is best."""
    for place, correct in enumerate([40, 44, 100, 80, 50, None]):
        trial(plan, run, place, correct)


def test_a_plan_without_tuning_is_left_alone(plan: Plan, run: RunPaths) -> None:
    without = replace(plan, tuning=None)
    assert choose(without, run) is without
    assert settled(without, run) is without
    assert not run.tuning.exists()


def test_before_the_trials_are_over_the_arm_waits(plan: Plan, run: RunPaths, trial: Trial) -> None:
    for place, correct in enumerate([40, None]):
        trial(plan, run, place, correct)
    assert choose(plan, run).cells == plan.cells
    assert read_choices(run) == {}
    assert waiting_lines(plan, run) == ["g2rl: 2 cells not run yet, parameters not chosen: 2 of 6 trials are over"]


@pytest.mark.usefixtures("finished")
def test_the_choice_is_written_and_read_by_others(plan: Plan, run: RunPaths) -> None:
    chosen = choose(plan, run)
    assert chosen.arm("g2rl").values == {"strength": 0.3}
    assert chosen.cells == settle(plan, {"g2rl": 1}).cells
    assert settled(load_plan(run.plan), run).cells == chosen.cells
    assert waiting_lines(chosen, run) == []
    assert read_choices(run)["g2rl"].scores == (42 / 400, 90 / 400, 50 / 400)


@pytest.mark.usefixtures("finished")
def test_the_same_choice_is_not_written_again(plan: Plan, run: RunPaths) -> None:
    choose(plan, run)
    os.utime(run.tuning, (1, 1))
    choose(choose(plan, run), run)
    assert run.tuning.stat().st_mtime == 1


@pytest.mark.usefixtures("finished")
def test_a_choice_by_other_trials_does_not_count(plan: Plan, run: RunPaths) -> None:
    choose(plan, run)
    path = run.root / "other.yaml"
    for old, new in (("0.3", "0.4"), ("samples: 2", "samples: 3"), ("steps: 6", "steps: 12")):
        text = plan.source.text
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        other = load_plan(path)
        assert settled(other, run).cells == other.cells, "it waits for trials of its own"


@pytest.mark.usefixtures("finished")
def test_a_trial_that_is_tried_again_takes_the_choice_back(plan: Plan, run: RunPaths) -> None:
    choose(plan, run)
    again = choose(plan, run, busy={trial_plan(plan, "g2rl").cells[-1].id})
    assert again.arm("g2rl").waiting
    assert read_choices(run) == {}


def test_when_all_trials_failed_the_arm_is_not_run_at_its_defaults(plan: Plan, run: RunPaths, trial: Trial) -> None:
    for place in range(6):
        trial(plan, run, place, None)
    chosen = choose(plan, run)
    assert {cell.arm for cell in chosen.cells} == {"base", "grpo"}
    assert read_choices(run)["g2rl"].point is None
    assert waiting_lines(chosen, run) == [
        "g2rl: all 6 trials failed, so no parameters are chosen and nothing is run (2 cells)"
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"arms": {"g2rl": {}}}', '{"arms": []}'])
@pytest.mark.usefixtures("finished")
def test_a_file_that_can_not_be_read_is_made_again(text: str, plan: Plan, run: RunPaths) -> None:
    choose(plan, run)
    whole = run.tuning.read_bytes()
    run.tuning.write_text(text)
    assert settled(plan, run).cells == plan.cells
    choose(plan, run)
    assert run.tuning.read_bytes() == whole


@pytest.mark.usefixtures("finished")
def test_a_worker_finds_trials_and_cells_under_their_own_plans(plan: Plan, run: RunPaths) -> None:
    chosen = choose(plan, run)
    for planned in (*trials_of(plan), *cells_of(chosen)):
        found = stored_cell(run, planned.cell.id)
        assert found.cell == planned.cell
        assert (found.plan.budget, found.plan.checkpoints) == (planned.plan.budget, planned.plan.checkpoints)
        assert [use for use, _ in found.plan.suites] == [use for use, _ in planned.plan.suites]


def test_a_worker_finds_no_cell_that_waits(plan: Plan, run: RunPaths) -> None:
    later = settle(plan, {"g2rl": 1}).cells[-1]
    with pytest.raises(StoreError, match=f"no cell {later.id}; queue the plan again"):
        stored_cell(run, later.id)


def test_the_choice_survives_a_writer_that_is_killed(
    plan: Plan, run: RunPaths, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(6):
        trial(plan, run, place, 10 + place)

    def cut(source: object, target: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            choose(plan, run)
    assert read_choices(run) == {}
    assert [path.name for path in run.root.iterdir() if path.name.startswith(".")] == []
    assert choose(plan, run).arm("g2rl").values == {"strength": 1.0}


def test_the_state_of_attempts_is_all_that_counts(plan: Plan, run: RunPaths, trial: Trial, tmp_path: Path) -> None:
    for place in range(6):
        trial(plan, run, place, 10)
    paths = run.cell(trial_plan(plan, "g2rl").cells[0].id)
    attempts.begin(paths)  # somebody works on it once more
    assert choose(plan, run).arm("g2rl").waiting
