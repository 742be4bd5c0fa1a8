from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from harness.cli import main
from harness.evaluation.records import read_records
from harness.imports.inspect_log import read_inspect
from harness.imports.lm_eval import read_lm_eval
from harness.imports.result import ImportFileError
from harness.imports.table import read_table
from harness.models import tiny_path
from harness.store.paths import RunPaths
from suites import load_suite

Command = Callable[..., str]
PATTERN = "=([0-9]+)$"


@pytest.fixture(scope="session")
def lm_eval_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the logs of lm-eval's command line: one task, three samples an item, two filters."""
    folder = tmp_path_factory.mktemp("lm_eval")
    rows = [
        {"prompt": item.prompt, "target": str(item.payload["target"])} for item in load_suite("countdown").items[:20]
    ]
    (folder / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    last = {"function": "regex", "regex_pattern": PATTERN}
    task = {
        "task": "sums",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "items.jsonl")}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{target}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 40, "do_sample": True, "temperature": 1.3},
        "repeats": 3,
        "num_fewshot": 0,
        "filter_list": [
            {"name": "first", "filter": [last, {"function": "take_first"}]},
            {"name": "all", "filter": [last]},
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0},
    }
    (folder / "sums.yaml").write_text(yaml.safe_dump(task))
    command = [str(Path(sys.executable).with_name("lm_eval")), "--model", "hf", "--tasks", "sums", "--log_samples"]
    command += ["--model_args", f"pretrained={tiny_path()},dtype=float32,max_length=128", "--device", "cpu"]
    command += ["--include_path", str(folder), "--output_path", str(folder / "out"), "--batch_size", "20"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    command[command.index("--output_path") + 1] = str(folder / "again")
    subprocess.run([*command, "--seed", "7"], check=True, capture_output=True, env=environment)
    return folder / "out"


def test_two_imported_runs_are_compared_with_their_texts(lm_eval_logs: Path, explorebench: Command) -> None:
    for name in ("out", "again"):
        logs = lm_eval_logs.with_name(name)
        explorebench("import", logs, "--run", f"runs/{name}", "--arm", "tiny", "--seed", 0, "--filter", "all")
    found = json.loads(explorebench("compare", "runs/out", "runs/again", "--items", 3, "--json"))
    (suite,) = found["suites"]
    assert suite["items_gained"]
    assert suite["items_lost"]
    assert suite["over_seeds"]["low"] is None, "one training run of each"
    assert suite["verdict"] == "can't tell"
    assert suite["over_items"]["low"] < suite["over_items"]["mean"] < suite["over_items"]["high"]
    (first, *_) = suite["gained"]
    ours, theirs = first["answers"]
    assert sum(answer["right"] for answer in ours) > sum(answer["right"] for answer in theirs)
    assert {answer["text"] for answer in ours} != {answer["text"] for answer in theirs}
    text = explorebench("compare", "runs/out:tiny", "runs/again", "--items", 1, "--html", "page.html")
    assert "One pair of seeds gives no interval over training runs." in text
    page = Path("page.html").read_text()
    assert all(item in page for item in (*suite["items_gained"], *suite["items_lost"]))


@pytest.fixture
def explorebench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs a command in a folder of its own and returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object, code: int = 0) -> str:
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == code, done.output
        return done.output

    return run


@pytest.mark.parametrize("chosen", ["all", "first"])
def test_the_scores_of_lm_eval_are_reproduced_exactly(lm_eval_logs: Path, chosen: str) -> None:
    (results,) = lm_eval_logs.rglob("results_*.json")
    reported = json.loads(results.read_text())["results"]["sums"][f"exact_match,{chosen}"]
    (result,) = read_lm_eval(lm_eval_logs, metric=None, chosen=chosen, above=None)
    assert result.score == pytest.approx(reported, abs=1e-12)
    assert 0 < result.score < 1
    assert len(result.items) == 20
    assert {item.samples for item in result.items} == {3 if chosen == "all" else 1}
    for item in result.items:
        if all(text is not None for text in item.texts):
            assert all(
                str(text).endswith(f"={answer}")
                for text, answer in zip(item.texts, item.answers, strict=True)
                if answer != "[invalid]"
            )


def test_samples_that_lm_eval_did_not_grade_are_said_to_be_left_out(lm_eval_logs: Path) -> None:
    (first,) = read_lm_eval(lm_eval_logs, metric=None, chosen="first", above=None)
    assert any("3 samples were drawn, and lm-eval graded the first alone" in note for note in first.notes)
    (both,) = read_lm_eval(lm_eval_logs, metric=None, chosen=None, above=None)
    assert both.terms["filter"] == "all", "the filter that keeps most samples"
    assert "others are first (--filter)" in both.notes[0]
    with pytest.raises(ImportFileError, match="has no filter 'none'; it has first, all"):
        read_lm_eval(lm_eval_logs, metric=None, chosen="none", above=None)
    with pytest.raises(ImportFileError, match="name the score that counts with --metric; it has exact_match"):
        read_lm_eval(lm_eval_logs, metric="f1", chosen=None, above=None)


def test_imported_runs_are_compared_and_reported(lm_eval_logs: Path, explorebench: Command, tmp_path: Path) -> None:
    for arm in ("grpo", "g2rl"):
        for seed in (0, 1):
            explorebench("import", lm_eval_logs, "--run", "runs/mine", "--arm", arm, "--seed", seed)
    output = explorebench("import", lm_eval_logs, "--run", "runs/mine", "--arm", "grpo", "--seed", "1", code=2)
    assert "grpo, seed 1 has results on sums already; --replace replaces them" in output
    explorebench("import", lm_eval_logs, "--run", "runs/mine", "--arm", "grpo", "--seed", "1", "--replace")
    other = ("import", lm_eval_logs, "--run", "runs/mine", "--arm", "grpo", "--seed", 2, "--filter", "first")
    assert "sums is another suite here than in cells/" in explorebench(*other, code=2)
    assert "filter: 'all' against 'first'" in explorebench(*other, code=2)
    assert "done, 100%" in explorebench("status", "runs/mine")
    explorebench("report", "runs/mine")
    board = (tmp_path / "site" / "mine" / "leaderboard.md").read_text()
    assert "grpo (baseline)" in board
    assert "unknown" in board, "what training cost is not known, and not 0"
    assert "0 unknown" not in (tmp_path / "site" / "mine" / "index.html").read_text()
    cell = json.loads((tmp_path / "runs/mine/cells/g2rl-s0-imported/cell.json").read_text())
    assert cell["kind"] == "imported"


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
@pytest.mark.parametrize("samples", [True, False])
def test_what_is_exported_is_imported_again(
    lm_eval_logs: Path, explorebench: Command, tmp_path: Path, suffix: str, samples: bool
) -> None:
    for arm in ("grpo", "g2rl"):
        explorebench("import", lm_eval_logs, "--run", "runs/one", "--arm", arm, "--seed", 3)
    table = tmp_path / f"table{suffix}"
    explorebench("export", "runs/one", "--out", table, *(["--samples"] if samples else []))
    if suffix == ".json":
        table = table.rename(table.with_suffix(".jsonl"))
    explorebench("import", table, "--run", "runs/two")

    def counts(run: str) -> dict[str, dict[str, tuple[int, int]]]:
        paths = RunPaths(tmp_path / "runs" / run)
        records = [read_records(file) for file in sorted(paths.cells.glob("*/records/*.parquet"))]
        return {r.key.arm: {item.item: (item.correct, item.samples) for item in r.items} for r in records}

    assert counts("two") == counts("one")
    assert set(counts("one")) == {"grpo", "g2rl"}


@pytest.mark.parametrize("name", ["sums.json", "sums.eval"])
def test_a_log_of_inspect_is_read_with_its_epochs(name: str) -> None:
    """Made by inspect_ai 0.3.285 with mockllm: two samples, three epochs, its accuracy 0.5."""
    (result,) = read_inspect(Path(__file__).parent / name, metric=None, above=None)
    assert (result.suite, result.score, result.terms["samples"]) == ("sums", 0.5, 3)
    assert [item.item for item in result.items] == ["a", "b"]
    assert sum(item.correct for item in result.items) == 3
    assert all(item.samples == 3 for item in result.items)
    assert result.terms["version"] == 2
    assert result.terms["metric"] == "match"


def test_the_two_forms_of_a_log_say_the_same() -> None:
    (one,), (other,) = (
        read_inspect(Path(__file__).parent / name, metric=None, above=None) for name in ("sums.json", "sums.eval")
    )
    assert one.terms == other.terms
    assert one.sha256 == other.sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "cancelled"}, "its status is 'cancelled', with 6 samples; expected success"),
        ({"eval": {}}, r"not a log of inspect_ai \(KeyError: 'task'\)"),
        ({"samples": []}, "with 0 samples"),
    ],
)
def test_a_log_that_is_not_finished_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    log = json.loads((Path(__file__).parent / "sums.json").read_text())
    path = tmp_path / "log.json"
    path.write_text(json.dumps({**log, **change}))
    with pytest.raises(ImportFileError, match=message):
        read_inspect(path, metric=None, above=None)
    with pytest.raises(ImportFileError, match="name the scorer that counts with --metric; it has match"):
        read_inspect(Path(__file__).parent / "sums.json", metric="f1", above=None)


def table(folder: Path, text: str) -> Path:
    path = folder / "results.csv"
    path.write_text(text)
    return path


def test_a_table_may_have_samples_or_counts(tmp_path: Path) -> None:
    (by_sample,) = read_table(table(tmp_path, "item,correct\na,1\na,0\nb,true\nb,1\n"), suite="s", above=None)
    (by_count,) = read_table(table(tmp_path, "item,correct,samples\na,1,2\nb,2,2\n"), suite="s", above=None)
    assert by_sample.score == by_count.score == 0.75
    assert by_sample.items[0].grades == (True, False)
    arms = read_table(table(tmp_path, "arm,seed,item,correct\nx,1,a,0.2\ny,2,a,0.8\n"), suite="s", above=0.5)
    assert [(result.arm, result.seed, result.score) for result in arms] == [("x", 1, 0.0), ("y", 2, 1.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item\na\n", "row 1: no correct; its columns are item"),
        (
            "item,correct\na,0.5\n",
            "row 1: the score 0.5 is partial credit; say from where on it is right: --correct-above",
        ),
        ("item,correct\na,maybe\n", "row 1: expected a score such as 0, 1 or true, got 'maybe'"),
        ("item,correct,samples\na,3,2\n", "row 1: 3 right of 2 samples makes no sense"),
        ("item,correct,samples\na,1,2\na,1,2\n", "row 2: item 'a' stands twice"),
        ("item,correct,seed\na,1,x\n", "row 1: seed: expected a whole number, got 'x'"),
        ("", "has no rows"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ImportFileError, match=message):
        read_table(table(tmp_path, text), suite="s", above=None)


def test_misuse_is_explained(tmp_path: Path, explorebench: Command) -> None:
    path = table(tmp_path, "item,correct\na,1\n")
    assert "give --arm and --seed" in explorebench("import", path, "--run", "runs/a", code=2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("x")
    taken = ("import", path, "--run", "full", "--arm", "a", "--seed", 0)
    assert "is a folder with other things in it" in explorebench(*taken, code=2)
    (tmp_path / "empty").mkdir()
    assert "no samples_*.jsonl here" in explorebench("import", "empty", "--run", "r", "--arm", "a", "--seed", 0, code=2)
    explorebench("import", path, "--run", "runs/a", "--arm", "a", "--seed", 0)
    wrong = ("import", path, "--run", "runs/a", "--arm", "a", "--seed", 1, "--baseline", "b")
    assert "the baseline 'b' has no results yet" in explorebench(*wrong, code=2)
    assert "expected a name that ends in .csv, .json, .parquet" in explorebench(
        "export", "runs/a", "--out", "x.txt", code=2
    )
