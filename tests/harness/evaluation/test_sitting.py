"""Evaluations as a user starts them: killed, shared among workers, in other batches."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.process import BaseProcess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from scipy.stats import chi2_contingency

from harness.cli import main
from harness.evaluation.records import ItemRecord, read_records, recorded_facts, recorded_summary

Evaluate = Callable[..., Path]
SUITE = "countdown"
ITEMS = 40
SMALL = ("--limit", str(ITEMS), "--batch-size", "16")
"""Many small batches."""


def started(out: Path, *options: str) -> BaseProcess:
    """Start the command in a process that has torch loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.runner.warm"])
    process = context.Process(target=run, args=(["evaluate", "tiny", SUITE, "--out", str(out), *options],))
    process.start()
    return process


def run(arguments: list[str]) -> None:
    """Run the command line in silence."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        main(arguments)


def finish(out: Path, *options: str) -> None:
    process = started(out, *options)
    process.join()
    assert process.exitcode == 0


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluate:
    """Return a function that evaluates the embedded model on countdown and returns the file of records."""

    def evaluate(*options: str) -> Path:
        out = tmp_path_factory.mktemp("evaluated")
        finish(out, *options)
        (path,) = out.glob("*.parquet")
        return path

    return evaluate


def items(path: Path) -> tuple[ItemRecord, ...]:
    return read_records(path).items


@pytest.fixture(scope="session")
def whole(evaluated: Evaluate) -> Path:
    """Records of an evaluation in many small batches that nobody disturbed."""
    return evaluated(*SMALL)


@pytest.mark.parametrize("attempt", range(8))
def test_a_kill_at_any_moment_changes_no_byte(whole: Path, tmp_path: Path, attempt: int) -> None:
    kills = 0
    # Kills fall at a random number of answered items: after some answers are on disk, before all of them are.
    for wanted in sorted(random.Random(attempt).sample(range(1, ITEMS - 5), 2)):
        process = started(tmp_path, *SMALL)
        while process.is_alive() and answered(tmp_path) < wanted:
            time.sleep(0.01)
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
    assert kills
    kept = answered(tmp_path)
    finish(tmp_path, *SMALL)
    (path,) = tmp_path.glob("*.parquet")
    assert path.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.answers"))
    assert kept > 0, "what was answered before the kill was kept"


def answered(folder: Path) -> int:
    """Return how many items have a line of answers."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("answers-*.jsonl"))


def test_greedy_answers_do_not_hang_on_batches_or_workers(evaluated: Evaluate) -> None:
    greedy = ("--limit", "20", "--temperature", "0", "--samples", "1")
    one = items(evaluated(*greedy, "--batch-size", "1"))
    assert items(evaluated(*greedy, "--batch-size", "64")) == one
    assert items(evaluated(*greedy, "--batch-size", "8", "--workers", "2")) == one
    assert len({record.texts for record in one}) > 15


def test_samples_do_not_hang_on_batches_or_workers_in_double_precision(evaluated: Evaluate) -> None:
    drawn = ("--limit", "20", "--precision", "float64")
    one = items(evaluated(*drawn, "--batch-size", "1"))
    assert items(evaluated(*drawn, "--batch-size", "64")) == one
    assert items(evaluated(*drawn, "--batch-size", "16", "--workers", "2")) == one


def test_samples_of_other_seeds_are_other_samples_of_one_distribution(evaluated: Evaluate) -> None:
    """Different batches with different seeds: first characters and lengths have the same distribution."""
    one, other = (
        items(evaluated("--samples", "16", "--batch-size", size, "--seed", seed))
        for size, seed in (("16", "1"), ("512", "2"))
    )
    assert [record.texts for record in one] != [record.texts for record in other]
    starts = [[str(text)[:1] for record in records for text in record.texts] for records in (one, other)]
    lengths = [[str(tokens // 4) for record in records for tokens in record.tokens] for records in (one, other)]
    for counts in (starts, lengths):
        kinds = sorted({*counts[0], *counts[1]})
        common = [kind for kind in kinds if sum(values.count(kind) for values in counts) >= 20]
        table = [[values.count(kind) for kind in common] for values in counts]
        assert chi2_contingency(table).pvalue > 1e-3


def test_the_header_tells_what_a_table_needs(whole: Path) -> None:
    summary, records = recorded_summary(whole), items(whole)
    assert summary["items"] == len(records) == ITEMS
    assert summary["outcomes"]["right"] == sum(record.correct for record in records)
    assert sum(summary["outcomes"].values()) == ITEMS * 8
    assert summary["tokens"] == sum(sum(record.tokens) for record in records)
    assert summary["truncated"] == sum(sum(record.truncated) for record in records)
    assert sum(count for _, _, count in summary["correct"]) == ITEMS
    facts = recorded_facts(whole)
    assert facts["key"]["engine"].startswith("transformers/")
    assert facts["suite"]["items"]["count"] == ITEMS
    assert json.loads(json.dumps(facts)) == facts
    assert pq.read_metadata(whole).row_group(0).column(0).compression == "ZSTD"


def test_a_second_start_finds_the_records_and_loads_no_model(whole: Path) -> None:
    arguments = ["evaluate", "tiny", SUITE, "--out", str(whole.parent), *SMALL]
    stamp = whole.stat().st_mtime_ns
    code = "import sys; from harness.cli import main; main(sys.argv[1:], standalone_mode=False); "
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    assert done.stdout.endswith("False\n")
    assert whole.stat().st_mtime_ns == stamp
    assert os.listdir(whole.parent) == [whole.name]
