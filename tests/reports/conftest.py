"""Writes synthetic runs: the files of a run without a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.evaluation.records import ItemRecord, RecordKey, write_records
from harness.store.atomic import append_line, write_json, write_text
from harness.store.attempts import Attempt
from harness.store.choices import StoredChoice, write_choices
from harness.store.paths import CellPaths, RunPaths
from harness.store.version import written_here

TOKENS_PER_STEP = 1000
FLOPS_PER_STEP = 4e9


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What a synthetic run looks like; the defaults are small enough for tests."""

    name: str = "toy"
    arms: tuple[str, ...] = ("grpo", "g2rl")
    baseline: str = "grpo"
    seeds: tuple[int, ...] = (0, 1, 2)
    suites: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {"countdown": (0.2, 0.3), "sorting": (0.8, -0.2)}
    )
    """Base score, and what training adds to it by the end; the first suite is primary."""
    edge: Mapping[str, float] = field(default_factory=dict)
    """By arm: what it adds to the primary score beyond the others."""
    seed_noise: float = 0.0
    checkpoints: int = 2
    steps: int = 8
    items: int = 20
    samples: int = 10
    failed: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """Message of the out-of-memory error that ended a cell (arm, seed) before any checkpoint."""
    unfinished: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """Last checkpoint of a cell that was interrupted after it."""
    correct: Mapping[tuple[str, int, int], int] = field(default_factory=dict)
    """Right answers per primary item, the same for all items, by arm, seed and checkpoint: overrides the rest."""
    counts: Mapping[tuple[str, int, int, str], Sequence[int]] = field(default_factory=dict)
    """Right answers of each item, by arm, seed, checkpoint and suite: overrides the rest."""
    compare_at: str | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    """By arm: what a step of it costs in tokens, FLOPs and seconds, in the place of 1."""
    trials: Mapping[str, Mapping[float, tuple[int | None, ...]]] = field(default_factory=dict)
    """By tuned arm and value of its `strength`: right answers per validation item of each trial, None where it failed;
    one trial for each tuning seed."""
    verdicts: Mapping[str, Any] = field(default_factory=dict)
    untried: frozenset[tuple[str, float]] = frozenset()
    """Points (arm, strength) whose trials have not begun."""
    as_written: frozenset[str] = frozenset()
    """Arms with parameters that are not their defaults."""


WriteRun = Callable[[RunSpec], Path]


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """Return a function that writes a run under the test's folder and returns the run's folder."""

    def write(spec: RunSpec) -> Path:
        return write_synthetic_run(tmp_path / "runs" / spec.name, spec)

    return write


@pytest.fixture
def spec() -> type[RunSpec]:
    """Return the class of specifications: tests can't import this file."""
    return RunSpec


def write_synthetic_run(root: Path, spec: RunSpec) -> Path:
    run = RunPaths(root)
    unchosen = {arm for arm in spec.trials if chosen_point(spec, arm) is None}
    cells = [(arm, seed) for arm in ("base", *spec.arms) if arm not in unchosen for seed in spec.seeds]
    write_text(run.plan, f"# <made up>\nname: {json.dumps(spec.name)}\nbaseline: {json.dumps(spec.baseline)}\n")
    write_json(run.resolved, _resolved(spec, cells))
    for arm, seed in cells:
        _write_cell(run.cell(cell_id(arm, seed, spec)), arm, seed, spec)
    if spec.trials:
        _write_trials(run, spec)
    return root


def trial_id(point: str, seed: int) -> str:
    return f"trial-{point}-{seed}".replace(" ", "")


def trial_seeds(spec: RunSpec) -> list[int]:
    points = next(iter(spec.trials.values()))
    return [1_000_000 + place for place in range(len(next(iter(points.values()))))]


def chosen_point(spec: RunSpec, arm: str) -> int | None:
    """Return the place of the point with the best mean, None where a trial is missing or all failed."""
    if any(owner == arm for owner, _ in spec.untried):
        return None
    ranks = [(sum(n is not None for n in found), sum(n or 0 for n in found)) for found in spec.trials[arm].values()]
    best = max(range(len(ranks)), key=lambda place: (ranks[place], -place))
    return best if ranks[best][0] else None


def _write_trials(run: RunPaths, spec: RunSpec) -> None:
    choices = {}
    for arm, grid in spec.trials.items():
        for value, found in grid.items():
            for seed, correct in zip(trial_seeds(spec), found, strict=True):
                if (arm, value) not in spec.untried:
                    _write_trial(run, f"{arm}: strength={value}", seed, correct, spec)
        if not any(owner == arm for owner, _ in spec.untried):
            place = chosen_point(spec, arm)
            choices[arm] = StoredChoice(basis="", point=place, values=None, scores=(), finished=(), trials=0)
    write_choices(run, choices)


def _write_trial(run: RunPaths, point: str, seed: int, correct: int | None, spec: RunSpec) -> None:
    """Write a trial of one step; one that failed took its step twice, and the first was lost."""
    paths = run.cell(trial_id(point, seed))
    cause = {"kind": "diverged", "message": f"loss was nan with {point}"}
    write_attempt(paths, number=1, outcome="failed" if correct is None else "done", cause=cause)
    use: dict[str, Any] = {"generated_tokens": 100, "forward_flops": 1e6, "device_seconds": 3.0}
    append_line(paths.ledger, ledger_line(step=1, phase="generate", **use))
    if correct is None:
        write_attempt(paths, number=2, outcome="failed", cause=cause)
        append_line(paths.ledger, ledger_line(step=1, phase="generate", attempt=2, **use))
    else:
        append_line(paths.ledger, ledger_line(step=1, phase="evaluate", device_seconds=0.5))
        write_record(paths, (point, seed, 1, "validation"), 1.0, [correct] * spec.items, spec.samples)


def cell_id(arm: str, seed: int, spec: RunSpec) -> str:
    return f"{('base', *spec.arms).index(arm):02d}-{seed}"


def suite_hash(suite: str) -> str:
    return f"{suite.encode().hex():0<64}"[:64]


def _resolved(spec: RunSpec, cells: list[tuple[str, int]]) -> dict[str, Any]:
    suites = [
        {
            "name": suite, "version": 1, "sha256": suite_hash(suite), "skill": suite,
            "description": f"problems of {suite}", "items": spec.items, "samples": spec.samples,
            "primary": place == 0, "at": "every", "temperature": 1.0, "max_tokens": 40,
        }
        for place, suite in enumerate(spec.suites)
    ]  # fmt: skip
    return {
        **written_here(),
        "name": spec.name,
        "baseline": spec.baseline,
        "model": {"name": "tiny", "sha256": "ab" * 32},
        "task": "countdown",
        "budget": {"unit": "generated_tokens", "amount": spec.steps * TOKENS_PER_STEP},
        "checkpoints": spec.checkpoints,
        "compare_at": spec.compare_at,
        "verdicts": {"margin": 1.0, "improved": "estimate", "items": "items like these", **spec.verdicts},
        "seeds": list(spec.seeds),
        "arms": [
            {"name": arm, "strategy": {}, "family": arm, "at_defaults": arm not in spec.as_written}
            for arm in ("base", *spec.arms)
        ],
        "suites": suites,
        "training": {"learning_rate": 1e-4},
        "cells": [{"id": cell_id(arm, seed, spec), "arm": arm, "seed": seed} for arm, seed in cells],
        **(_resolved_tuning(spec, suites[0]) if spec.trials else {}),
    }


def _resolved_tuning(spec: RunSpec, suite: dict[str, Any]) -> dict[str, Any]:
    points = [(arm, f"{arm}: strength={value}", value) for arm, grid in spec.trials.items() for value in grid]
    grids: dict[str, list[dict[str, Any]]] = {arm: [] for arm in spec.trials}
    for arm, name, value in points:
        grids[arm].append({"name": name, "values": {"strength": value}})
    seeds = trial_seeds(spec)
    return {
        "tuning": {
            "suite": {**suite, "name": "validation", "sha256": suite_hash("validation"), "primary": False},
            "budget": {"unit": "generated_tokens", "amount": 200_000.0},
            "seeds": seeds,
            "arms": [{"name": tuned, "points": grids[tuned]} for tuned in spec.trials],
        },
        "trials": [{"id": trial_id(name, seed), "arm": name, "seed": seed} for _, name, _ in points for seed in seeds],
    }


def _write_cell(paths: CellPaths, arm: str, seed: int, spec: RunSpec) -> None:
    fingerprint = {"explorebench": "0.1.0", "commit": "c0ffee", "dirty": False, "torch": "2.13", "host_cpu": None}
    identity = {"format": 1, "seed": seed}
    write_json(paths.identity, {"cell": paths.root.name, "arm": arm, "seed": seed, "identity": identity,
                                "fingerprint": fingerprint})  # fmt: skip
    last = 0 if arm == "base" else spec.unfinished.get((arm, seed), spec.checkpoints)
    cause = None
    if (arm, seed) in spec.failed:
        last, cause = 0, {"kind": "out of memory", "message": spec.failed[arm, seed]}
    outcome = "failed" if cause else "interrupted" if (arm, seed) in spec.unfinished else "done"
    write_attempt(paths, number=1, outcome=outcome, cause=cause)
    if arm != "base":
        steps = spec.steps * last // spec.checkpoints if last else 1
        for step in range(1, steps + 1):
            _write_step(paths, arm, seed, step, spec)
    for checkpoint in [0] if arm == "base" else range(1, last + 1):
        step = spec.steps * checkpoint // spec.checkpoints
        append_line(paths.ledger, ledger_line(step=step, phase="evaluate", device_seconds=2.0))
        for suite in spec.suites:
            _write_record(paths, (arm, seed, checkpoint, suite), spec)


def write_attempt(
    paths: CellPaths, *, number: int, outcome: Any, cause: dict[str, str] | None = None, resumed_from: int = 0
) -> None:
    attempt = Attempt(
        attempt=number, host="laptop", pid=1, pid_started="1", started=1.0, ended=2.0, outcome=outcome,
        cause=cause, phase="training", resumed_from_step=resumed_from,
    )  # fmt: skip
    write_json(paths.attempt(number), asdict(attempt))


def train_line(step: int, spec: RunSpec, *, attempt: int = 1, **numbers: float) -> dict[str, Any]:
    return {
        "attempt": attempt, "step": step, "share": step / spec.steps, "generated_tokens": step * TOKENS_PER_STEP,
        "flops": step * FLOPS_PER_STEP, "device_seconds": step * 0.5, "reward": 0.0, "reward_std": 0.1,
        "entropy": 0.3, "kl": None, "zero_variance_groups": 0.2, "completion_tokens": 20.0, "truncated": 0.0,
        "grad_norm": 1.0, "learning_rate": 1e-4, "wall_s": 0.5, "tokens_per_s": 2000.0, "strategy": {},
        "events": [], **numbers,
    }  # fmt: skip


def ledger_line(*, step: int, phase: str, attempt: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "attempt": attempt, "step": step, "checkpoint": None, "suite": None, "phase": phase, "part": "",
        "generated_tokens": 0, "forward_tokens": 0, "backward_tokens": 0, "forward_flops": 0,
        "backward_flops": 0, "device_seconds": 0.0, "peak_memory_bytes": None, **changes,
    }  # fmt: skip


def _write_step(paths: CellPaths, arm: str, seed: int, step: int, spec: RunSpec) -> None:
    rng = np.random.default_rng([17, spec.arms.index(arm), seed, step])
    done = step / spec.steps
    reward = 0.15 + (0.2 + spec.edge.get(arm, 0.0)) * done + 0.03 * rng.standard_normal()
    entropy = 0.32 - (0.17 - spec.edge.get(arm, 0.0)) * done + 0.01 * rng.standard_normal()
    cost = spec.cost.get(arm, 1.0)
    used: dict[str, Any] = {"generated_tokens": step * TOKENS_PER_STEP * cost, "device_seconds": step * 0.5 * cost}
    append_line(paths.train, train_line(step, spec, reward=reward, entropy=entropy, **used))
    both: dict[str, Any] = {"forward_tokens": TOKENS_PER_STEP, "forward_flops": FLOPS_PER_STEP / 4}
    generate = {**both, "generated_tokens": TOKENS_PER_STEP, "device_seconds": 0.3}
    append_line(paths.ledger, ledger_line(step=step, phase="generate", **generate))
    if arm != spec.baseline:
        score = {**both, "part": arm, "forward_flops": FLOPS_PER_STEP / 8, "device_seconds": 0.05}
        append_line(paths.ledger, ledger_line(step=step, phase="score", **score))
    update = {**both, "backward_tokens": TOKENS_PER_STEP, "backward_flops": FLOPS_PER_STEP / 2}
    memory: dict[str, Any] = {"device_seconds": 0.15, "peak_memory_bytes": 300 * 2**20}
    append_line(paths.ledger, ledger_line(step=step, phase="update", **update, **memory))


def _write_record(paths: CellPaths, key: tuple[str, int, int, str], spec: RunSpec) -> None:
    arm, seed, checkpoint, suite = key
    place = list(spec.suites).index(suite)
    rng = np.random.default_rng([23, ("base", *spec.arms).index(arm), seed, checkpoint, place])
    start, gain = spec.suites[suite]
    share = checkpoint / spec.checkpoints
    chance = start + share * (gain + (spec.edge.get(arm, 0.0) if place == 0 else 0.0))
    chance = float(np.clip(chance + spec.seed_noise * share * rng.standard_normal(), 0.02, 0.98))
    by_item = rng.beta(2 * chance, 2 * (1 - chance), size=spec.items)
    correct = rng.binomial(spec.samples, by_item).tolist()
    if place == 0 and (arm, seed, checkpoint) in spec.correct:
        correct = [spec.correct[arm, seed, checkpoint]] * spec.items
    write_record(paths, key, share, list(spec.counts.get(key, correct)), spec.samples)


def write_record(
    paths: CellPaths, key: tuple[str, int, int, str], share: float, correct: list[int], samples: int
) -> None:
    arm, seed, checkpoint, suite = key
    items = [
        ItemRecord(
            item=f"{suite}-{place}", grades=(True,) * right + (False,) * (samples - right),
            outcomes=("right",) * right + ("wrong",) * (samples - right - 1) + ("unreadable",) * (right < samples),
            answers=("7",) * (samples - 1) + (None,), texts=("7",) * samples, tokens=(12,) * samples,
            truncated=(False,) * (samples - 1) + (True,),
        )
        for place, right in enumerate(correct)
    ]  # fmt: skip
    names = {"arm": arm, "seed": seed, "checkpoint": checkpoint, "share": share, "suite": suite}
    whose = RecordKey(**names, suite_sha256=suite_hash(suite))  # type: ignore[arg-type]
    write_records(paths.record(checkpoint, suite), whose, items, settings="made up")
