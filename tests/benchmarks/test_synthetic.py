"""Synthetic runs are runs, and what is planted in them is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.planted import FALSE, count, designed, expected
from benchmarks.synthetic import Arm, Store, main, write_counts, write_store
from harness.evaluation.records import ItemRecord, RecordKey, read_records, recorded_summary, write_records
from reports.read import read_run

KEY = RecordKey(arm="a", seed=3, checkpoint=2, share=0.5, suite="s", suite_sha256="ab")


def test_its_records_are_those_that_an_evaluation_writes(tmp_path: Path) -> None:
    counts = np.array([0, 3, 2])
    items = [
        ItemRecord(
            item=f"item-{place}",
            grades=(True,) * right + (False,) * (3 - right),
            outcomes=("right",) * right + ("wrong",) * (3 - right),
            answers=(None,) * 3,
            texts=(None,) * 3,
            tokens=(20,) * 3,
            truncated=(False,) * 3,
        )
        for place, right in enumerate(counts.tolist())
    ]
    write_records(tmp_path / "slow.parquet", KEY, items, settings="s")
    write_counts(tmp_path / "fast.parquet", KEY, counts, 3)
    assert read_records(tmp_path / "fast.parquet") == read_records(tmp_path / "slow.parquet")
    assert recorded_summary(tmp_path / "fast.parquet") == recorded_summary(tmp_path / "slow.parquet")


def test_scores_are_what_is_planted(tmp_path: Path) -> None:
    arms = (Arm(name="plain"), Arm(name="better", primary=0.1, forgetting=-0.1, cost=2.0))
    store = Store(arms=arms, seeds=3, items=4000, samples=16, seed_sd=0.0)
    write_store(tmp_path / "run", store, np.random.default_rng(0))
    run = read_run(tmp_path / "run")
    for suite, points in (("suite-0", 0.1), ("suite-1", -0.1)):
        ours, theirs = (run.scored(arm, 0, 5, suite, "score") for arm in ("better", "plain"))
        assert ours is not None
        assert theirs is not None
        assert ours - theirs == pytest.approx(points, abs=0.01)
    assert run.training.groupby("arm")["generated_tokens"].max().to_dict() == {"plain": 50_000, "better": 100_000}


def test_the_command_writes_a_run(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [f"{tmp_path}/run", "--arms", "2", "--seeds", "2", "--items", "5"])
    assert done.exit_code == 0, done.output
    assert read_run(tmp_path / "run").plan.arms == ("base", "arm-0", "arm-1")


def test_what_is_planted_is_said() -> None:
    draws = 6
    found = count(draws, seed=1)
    for what, share in expected().items():
        assert found[what] >= draws * share - 3 * np.sqrt(draws * share * (1 - share)) - 0.5, what
    assert sum(found[what] for what in FALSE) <= 3
    assert designed(0.95).power(0.03) > 0.9
