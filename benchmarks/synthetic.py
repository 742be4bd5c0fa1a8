"""A run whose truth is known, written without training: `python -m benchmarks.synthetic FOLDER` and options."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.evaluation.records import RecordKey
from harness.store.atomic import write_json, write_text
from harness.store.attempts import Attempt
from harness.store.paths import CellPaths, RunPaths
from harness.store.schema import FACTS_KEY, OUTCOMES, RECORD_SCHEMA, SETTINGS_KEY, SUMMARY_KEY
from harness.store.version import written_here

TOKENS, FLOPS, SECONDS = 10_000, 5e9, 2.0
"""What training uses from one checkpoint to the next, at a cost of 1."""
LEVEL, GAIN = 0.35, 0.1
"""Mean score of the untrained model, and what any training adds."""
SPREAD = 0.2
"""Item difficulties lie so far to either side of the level."""
ITEM_SD = 0.05
"""Of an arm's effect over items; uniform."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """What is true of one arm; differences to the first arm, as fractions, at the end of training."""

    name: str
    primary: float = 0.0
    forgetting: float = 0.0
    cost: float = 1.0
    """Compute by that of others."""
    drop_at: float | None = None
    """Share of the budget at which seed 0 falls by 15 points, for one evaluation."""


DROP = 0.15


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """How large a run is, and what is true of it; the first arm is the baseline, the first suite is primary."""

    arms: tuple[Arm, ...]
    seeds: int = 10
    checkpoints: int = 5
    suites: int = 2
    items: int = 500
    samples: int = 8
    seed_sd: float = 0.01
    name: str = "synthetic"
    primary: int = 1
    """How many suites are primary; the others count as forgetting."""
    every: bool = False
    """Whether forgetting is looked at at every checkpoint; else at the ends."""
    steps: int = 1
    """From one checkpoint to the next."""


def write_store(root: Path, store: Store, rng: np.random.Generator) -> None:
    """Write a run into a folder that isn't there yet."""
    run, names = RunPaths(root), ["base", *(arm.name for arm in store.arms)]
    cells = [(name, seed, f"{place:03d}-{seed}") for place, name in enumerate(names) for seed in range(store.seeds)]
    write_text(run.plan, f"# synthetic\nname: {store.name}\n")
    write_json(run.resolved, _resolved(store, names, cells))
    difficulty = LEVEL + SPREAD * rng.uniform(-1, 1, (store.suites, store.items))
    half = np.sqrt(3) * ITEM_SD
    effects = {arm.name: rng.uniform(-half, half, (store.suites, store.items)) for arm in store.arms}
    arms = {arm.name: arm for arm in store.arms}
    for name, seed, cell in cells:
        paths = run.cell(cell)
        paths.records.mkdir(parents=True)
        write_json(paths.identity, {"cell": cell, "arm": name, "seed": seed, "identity": {}, "fingerprint": {}})
        attempt = Attempt(
            attempt=1, host="none", pid=1, pid_started="1", started=1.0, ended=2.0, outcome="done", phase="done"
        )
        write_json(paths.attempt(1), asdict(attempt))
        if name != "base":
            _write_logs(paths, arms[name], store, rng)
        luck = rng.normal(0, store.seed_sd)
        moved = None if name == "base" else effects[name] + luck
        for key, chances in _evaluations((name, seed), store, difficulty, moved):
            correct = rng.binomial(store.samples, np.clip(chances, 0, 1))
            write_counts(paths.record(key.checkpoint, key.suite), key, correct, store.samples)


def _evaluations(cell: tuple[str, int], store: Store, difficulty: Any, moved: Any) -> Iterator[tuple[RecordKey, Any]]:
    """Yield each evaluation of a cell with the chance of every item; `moved` is what training adds, None for none."""
    arm = next((arm for arm in store.arms if arm.name == cell[0]), None)
    for checkpoint in range(1, store.checkpoints + 1) if arm else [0]:
        share = checkpoint / store.checkpoints
        for suite in range(store.suites):
            if not store.every and suite >= store.primary and checkpoint not in (0, store.checkpoints):
                continue
            chances = difficulty[suite]
            if arm is not None:
                points = arm.primary if suite < store.primary else arm.forgetting
                chances = chances + share * (GAIN + points + moved[suite])
                if arm.drop_at is not None and cell[1] == 0 and abs(share - arm.drop_at) < 1e-9:
                    chances = chances - DROP
            key = RecordKey(
                arm=cell[0],
                seed=cell[1],
                checkpoint=checkpoint,
                share=share,
                suite=f"suite-{suite}",
                suite_sha256=_sha(suite),
            )
            yield key, chances


def write_counts(path: Path, key: RecordKey, correct: Any, samples: int) -> None:
    """Write records of which only the right answers are known, as `write_records` would, but fast."""
    items = len(correct)
    grades = (np.arange(samples) < correct[:, None]).ravel()
    offsets = pa.array(np.arange(items + 1, dtype=np.int32) * samples)
    answers = items * samples

    def lists(values: Any) -> Any:
        return pa.ListArray.from_arrays(offsets, values)

    outcome = pa.DictionaryArray.from_arrays(np.where(grades, 0, 1), pa.array(["right", "wrong"])).cast(pa.string())
    columns = {
        **{name: pa.repeat(value, items) for name, value in asdict(key).items()},
        "item": pa.array([f"item-{place}" for place in range(items)]),
        "samples": pa.repeat(samples, items),
        "correct": pa.array(correct),
        "grades": lists(pa.array(grades)),
        "outcomes": lists(outcome),
        "answers": lists(pa.nulls(answers, pa.string())),
        "texts": lists(pa.nulls(answers, pa.string())),
        "tokens": lists(pa.repeat(pa.scalar(20, pa.int64()), answers)),
        "truncated": lists(pa.repeat(False, answers)),
    }
    right = int(correct.sum())
    counts = dict.fromkeys(OUTCOMES, 0) | {"right": right, "wrong": answers - right}
    values, times = np.unique(correct, return_counts=True)
    summary = {
        "record": asdict(key),
        "items": items,
        "outcomes": counts,
        "correct": [[int(value), samples, int(count)] for value, count in zip(values, times, strict=True)],
        "truncated": 0,
        "tokens": 20 * answers,
        "without_text": answers,
    }
    metadata = {SETTINGS_KEY: b"synthetic", FACTS_KEY: b"{}", SUMMARY_KEY: json.dumps(summary).encode()}
    schema = RECORD_SCHEMA.with_metadata(metadata)
    table = pa.Table.from_arrays([columns[field.name] for field in schema], schema=schema)
    pq.write_table(table, path, compression="zstd")


def _write_logs(paths: CellPaths, arm: Arm, store: Store, rng: np.random.Generator) -> None:
    """Write the log of every step, and its ledger by phase."""
    train, ledger = [], []
    total, cost = store.steps * store.checkpoints, arm.cost / store.steps
    for step in range(1, total + 1):
        spent = {"generated_tokens": TOKENS * cost, "flops": FLOPS * cost, "device_seconds": SECONDS * cost}
        train.append(
            {
                "attempt": 1, "step": step, "share": step / total, **{name: step * n for name, n in spent.items()},
                **_said(rng.normal(0, 0.02, 3), step, total), "events": [],
            }
        )  # fmt: skip
        for phase, part in (("generate", 0.5), ("score", 0.1), ("update", 0.4)):
            ledger.append(
                {
                    "attempt": 1, "step": step, "phase": phase, "part": "", "forward_tokens": 0, "backward_tokens": 0,
                    "generated_tokens": spent["generated_tokens"] if phase == "generate" else 0,
                    "forward_flops": part * spent["flops"], "backward_flops": 0.0,
                    "device_seconds": part * spent["device_seconds"], "peak_memory_bytes": None,
                }
            )  # fmt: skip
    for path, lines in ((paths.train, train), (paths.ledger, ledger)):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _said(noise: Any, step: int, total: int) -> dict[str, Any]:
    """Return what one step logs beside its compute: training, a strategy's numbers and two watches."""
    reward, entropy, novelty = 0.2 + 0.3 * step / total + noise[0], 0.3 + noise[1], 0.5 + noise[2]
    diversity = {"effective_rank": 6 + 10 * noise[2], "cosine": noise[0], "answers": 5 + 10 * noise[1]}
    return {
        "reward": reward,
        "reward_std": 0.3,
        "entropy": entropy,
        "zero_variance_groups": 0.4 + noise[0],
        "completion_tokens": 20 + noise[1],
        "strategy": {"novelty": novelty, "advantage_moved": 0.1 + noise[1]},
        "watch": {
            "diversity": {"alarm": False, "numbers": diversity, "because": ""},
            "collapse": {"alarm": False, "numbers": {"entropy": entropy, "zero_variance": 0.4}, "because": ""},
        },
    }


def _resolved(store: Store, names: list[str], cells: list[tuple[str, int, str]]) -> dict[str, Any]:
    return {
        **written_here(),
        "name": store.name,
        "baseline": store.arms[0].name,
        "model": {"name": "none", "sha256": ""},
        "task": "none",
        "budget": {"unit": "steps", "amount": store.checkpoints},
        "checkpoints": store.checkpoints,
        "seeds": list(range(store.seeds)),
        "arms": [{"name": name, "strategy": {name: {}}, "family": "synthetic"} for name in names],
        "suites": [
            {
                "name": f"suite-{place}", "version": "1", "sha256": _sha(place), "items": store.items,
                "samples": store.samples, "primary": place < store.primary,
                "at": "every" if store.every or place < store.primary else "ends",
            }
            for place in range(store.suites)
        ],
        "cells": [{"id": cell, "arm": name, "seed": seed} for name, seed, cell in cells],
    }  # fmt: skip


def _sha(suite: int) -> str:
    return f"{suite:064x}"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--arms", default=5, show_default=True)
@click.option("--seeds", default=10, show_default=True)
@click.option("--checkpoints", default=5, show_default=True)
@click.option("--suites", default=2, show_default=True)
@click.option("--items", default=500, show_default=True)
@click.option("--samples", default=8, show_default=True)
@click.option("--every/--ends", default=False, help="When the second suite and those after it are looked at.")
@click.option("--steps", default=1, show_default=True, help="From one checkpoint to the next.")
@click.option("--rng", default=0, show_default=True, help="Seed of the random numbers.")
def main(folder: Path, arms: int, rng: int, **sizes: Any) -> None:
    """Write a synthetic run, in which no arm differs, into FOLDER."""
    store = Store(arms=tuple(Arm(name=f"arm-{place}") for place in range(arms)), **sizes)
    write_store(folder, store, np.random.default_rng(rng))
    click.echo(f"wrote {folder}: {(arms + 1) * store.seeds} cells")


if __name__ == "__main__":
    main()
