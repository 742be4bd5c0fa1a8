from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from harness.store.paths import RunPaths
from reports.comparison import PRIMARY
from reports.curves import running_mean, score_bands, training_bands
from reports.read import read_run

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun


def test_score_starts_at_the_base_model_and_runs_along_what_was_spent(write_run: WriteRun, spec: type[RunSpec]) -> None:
    worked = {("base", seed, 0): 1 for seed in range(3)} | {("grpo", seed, 2): 2 + seed for seed in range(3)}
    bands = score_bands(read_run(write_run(spec(correct=worked))), PRIMARY, "generated_tokens")
    grpo = bands[bands["arm"] == "grpo"]
    assert grpo["x"].tolist() == [0, 4000, 8000]
    assert grpo["mean"].iloc[0] == pytest.approx(0.1)
    assert grpo["mean"].iloc[2] == pytest.approx(0.3)
    assert grpo["high"].iloc[2] - grpo["mean"].iloc[2] == pytest.approx(0.24841, abs=1e-5)


def test_unknown_compute_leaves_the_point_out(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    path = RunPaths(root).cell("01-0").train
    lines = [json.loads(line) | {"flops": None} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = read_run(root)
    flops = score_bands(run, PRIMARY, "flops")
    assert flops[flops["arm"] == "grpo"]["x"].tolist() == [0]
    tokens = score_bands(run, PRIMARY, "generated_tokens")
    assert tokens[tokens["arm"] == "grpo"]["x"].tolist() == [0, 4000, 8000]


def test_a_single_seed_draws_no_band(write_run: WriteRun, spec: type[RunSpec]) -> None:
    bands = training_bands(read_run(write_run(spec(seeds=(1,)))), "reward")
    assert bands["low"].isna().all()
    assert (bands["seeds"] == 1).all()


def test_steps_that_few_seeds_reached_are_left_out(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(unfinished={("grpo", 0): 1, ("grpo", 1): 1})))
    bands = training_bands(run, "entropy")
    assert bands[bands["arm"] == "grpo"]["x"].max() == 4
    assert bands[bands["arm"] == "g2rl"]["x"].max() == 8


@pytest.mark.parametrize("window", [1, 2, 3, 4, 7, 50])
def test_a_running_mean_is_that_of_pandas(window: int) -> None:
    values = np.random.default_rng(window).normal(size=20)
    theirs = pd.Series(values).rolling(window, center=True, min_periods=1).mean()
    np.testing.assert_allclose(running_mean(values, window), theirs.to_numpy(), rtol=1e-12)
