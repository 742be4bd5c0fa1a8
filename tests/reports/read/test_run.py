from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.evaluation.records import read_records, recorded_summary, write_records
from harness.store.paths import RunPaths
from harness.store.schema import SUMMARY_KEY
from reports.errors import ReportError
from reports.read import read_run

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun


def test_a_run_becomes_one_row_per_cell_checkpoint_and_suite(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(correct={("grpo", 0, 2): 4})))
    # 3 base cells x 1 checkpoint and 6 trained cells x 2 checkpoints, 2 suites each.
    assert len(run.scores) == (3 + 6 * 2) * 2
    rows = run.scores
    row = rows[(rows["arm"] == "grpo") & (rows["seed"] == 0) & (rows["checkpoint"] == 2)].iloc[0]
    assert row["suite"] == "countdown"
    assert row["score"] == pytest.approx(0.4)
    assert (row["items"], row["samples"], row["k"]) == (20, 10, 5)
    assert row["pass_at_k"] == pytest.approx(1 - 6 / 252)  # C(6,5) / C(10,5)
    assert row["truncated"] == pytest.approx(0.1)
    assert row["unread"] == pytest.approx(0.1)
    assert row["tokens"] == pytest.approx(12.0)


def test_the_base_cell_of_a_seed_is_checkpoint_0_of_its_arms(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(spec(correct={("base", 1, 0): 3})))
    assert run.scored("g2rl", 1, 0, "countdown", "score") == pytest.approx(0.3)
    start = run.items.of("g2rl", 1, 0, "countdown")
    assert start is not None
    assert start.scores.tolist() == pytest.approx([0.3] * 20)
    assert run.scored("g2rl", 7, 0, "countdown", "score") is None


def test_training_has_one_row_per_step_and_unknown_is_nan(write_run: WriteRun, spec: type[RunSpec]) -> None:
    training = read_run(write_run(spec())).training
    assert training.groupby("cell")["step"].apply(list).iloc[0] == list(range(1, 9))
    assert training["kl"].isna().all()
    assert pd.api.types.is_float_dtype(training["kl"])


def test_a_folder_without_a_resolved_plan_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"no plan.resolved.json here.*runs/<plan>"):
        read_run(tmp_path)


def test_a_torn_plan_says_which_file(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    RunPaths(root).resolved.write_text('{"name": ')
    with pytest.raises(ReportError, match=r"plan.resolved.json: can't be read"):
        read_run(root)


def test_a_run_without_records_says_what_to_do(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    for record in root.rglob("*.parquet"):
        record.unlink()
    with pytest.raises(ReportError, match=r"no records yet.*explorebench queue"):
        read_run(root)


def test_two_versions_of_a_suite_are_an_error_that_names_both(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    path = sorted(root.rglob("*-sorting.parquet"))[0]
    found = read_records(path)
    write_records(path, replace(found.key, suite_sha256="f" * 64), found.items, settings="made up")
    known = {suite["name"]: suite["sha256"] for suite in json.loads(RunPaths(root).resolved.read_text())["suites"]}
    with pytest.raises(ReportError) as error:
        read_run(root)
    assert "f" * 12 in str(error.value)
    assert known["sorting"][:12] in str(error.value)
    assert path.name in str(error.value)


def test_the_terms_in_which_two_suites_differ_are_shown(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    path = sorted(root.rglob("*-sorting.parquet"))[0]
    records = read_records(path)
    terms = {"name": "sorting", "temperature": 1.0, "grader_id": "sorting/1"}
    key = replace(records.key, suite_sha256="f" * 64)
    write_records(path, key, records.items, settings="s", facts={"suite": {**terms, "temperature": 0.7}})
    resolved = RunPaths(root).resolved
    plan = json.loads(resolved.read_text())
    for suite in plan["suites"]:
        suite["terms"] = terms
    resolved.write_text(json.dumps(plan))
    with pytest.raises(ReportError, match=r"can't be compared \(temperature: 0.7 against 1.0\)"):
        read_run(root)


def test_a_torn_record_says_which_file(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    path = sorted(root.rglob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ReportError, match=path.name):
        read_run(root)


def test_a_record_without_items_says_which_file(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    path = sorted(root.rglob("*.parquet"))[0]
    summary = {**recorded_summary(path), "items": 0}
    empty = pq.read_table(path).slice(0, 0).replace_schema_metadata({SUMMARY_KEY: json.dumps(summary).encode()})
    pq.write_table(empty, path)
    with pytest.raises(ReportError, match=rf"{path.name}: can't be read as a record \(a record without items\)"):
        read_run(root)


def test_a_plan_without_primary_suite_is_an_error(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec())
    resolved = json.loads(RunPaths(root).resolved.read_text())
    for suite in resolved["suites"]:
        suite["primary"] = False
    RunPaths(root).resolved.write_text(json.dumps(resolved))
    with pytest.raises(ReportError, match="no suite is primary"):
        read_run(root)
