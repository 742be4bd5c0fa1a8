"""The tables under the leaderboard, as texts: suites, compute by phase, hashes, fingerprints, notes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reports import formatting
from reports.blocks import Table
from reports.comparison import score_of, scores_by_seed
from reports.decisions import is_audit
from reports.read import Run, SuiteView
from reports.read.compute import PHASES, total
from reports.read.plan import BASE_ARM
from reports.reading import Reading
from reports.verdicts.family import Judged, judged

if TYPE_CHECKING:
    import pandas as pd


def suite_table(run: Run, suite: SuiteView, at: Reading) -> Table:
    """Return how each arm does on one suite: score, difference to the untrained model and to the baseline, causes.

    The verdicts of a suite are secondary: its arms share the doubt, its suites don't (Benjamini-Hochberg).
    """
    k, baseline = max(1, suite.samples // 2), run.plan.baseline
    scored = {arm: score for arm in run.plan.arms if (score := score_of(run, arm, at, suite.name)) is not None}
    start, plain = (_against(run, list(scored), other, suite, at) for other in (BASE_ARM, baseline))
    rows = []
    for arm, score in scored.items():
        shares = [_mean(run, arm, at, suite.name, column) for column in ("truncated", "unread", "empty", "failed")]
        rows.append(
            (
                arm,
                formatting.score(score),
                *_judged(start.get(arm)),
                *_judged(plain.get(arm)),
                formatting.score(score_of(run, arm, at, suite.name, "pass_at_k")),
                *(formatting.percent(share) for share in shares),
                formatting.quantity(_mean(run, arm, at, suite.name, "tokens")),
            )
        )
    titles = (
        "arm", "score (%)", "less untrained (points)", "verdict", f"less {baseline} (points)", "verdict",
        f"pass@{k} (%)", "truncated (% of answers)", "no readable answer (%)", "empty (%)", "grader failed (%)",
        "answer length (tokens)",
    )  # fmt: skip
    return Table(header=titles, rows=tuple(rows))


def _against(run: Run, arms: list[str], other: str, suite: SuiteView, at: Reading) -> dict[str, Judged]:
    compared = [(arm, other) for arm in arms if arm not in (other, BASE_ARM)]
    return {one.arm: one for one in judged(run, compared, at, suite.name, "benjamini-hochberg")}


def _judged(found: Judged | None) -> tuple[str, str]:
    if found is None:
        return "reference", ""
    return formatting.points(found.interval), found.verdict or ""


def compute_table(run: Run) -> Table:
    """Return what all cells of each arm used, by phase and part; trials have rows of their own."""
    titles = (
        "arm", "phase", "generated tokens", "forward tokens", "backward tokens", "FLOPs",
        "device-seconds", "of which lost (s)", "energy (kJ)", "peak memory (MiB)",
    )  # fmt: skip
    parts: dict[tuple[str, str], list[tuple[str, pd.DataFrame]]] = {}
    for key, lines in run.compute.groupby(["arm", "phase", "part"], sort=True):
        arm, phase, part = map(str, key)
        parts.setdefault((arm, phase), []).append((f"{phase}: {part}" if part else phase, lines))
    rows = []
    for arm in run.plan.arms:
        rows += [(arm, name, *_amounts(lines)) for phase in PHASES for name, lines in parts.get((arm, phase), [])]
        rows += _tuning_rows(run, arm)
    return Table(header=titles, rows=tuple(rows))


def _tuning_rows(run: Run, arm: str) -> list[tuple[str, ...]]:
    """Return what the trials of a tuned arm used, in training and in evaluation; nothing for other arms."""
    if run.tuning is None or arm not in run.tuning.plan.grids:
        return []
    lines = run.tuning.compute[run.tuning.compute["cell"].isin([trial.id for trial in run.tuning.of(arm)])]
    lines = lines[lines["phase"] != "watch"]
    evaluated = lines["phase"] == "evaluate"
    parts = {"tuning: training": lines[~evaluated], "tuning: evaluation": lines[evaluated]}
    return [(arm, name, *_amounts(part)) for name, part in parts.items() if len(part)]


def hash_table(run: Run) -> Table:
    """Return what was evaluated: each suite with its size, settings and hash; last the one that arms were tuned on."""
    rows = []
    validation = () if run.plan.tuning is None else (run.plan.tuning.suite,)
    for suite in (*run.plan.suites, *validation):
        settings = (
            formatting.UNKNOWN if suite.temperature is None else f"{suite.temperature:g}",
            formatting.UNKNOWN if suite.max_tokens is None else f"{suite.max_tokens}",
        )
        sizes = (f"{suite.items}", f"{suite.samples}", suite.aggregation)
        rows.append((suite.name, suite.version, suite.skill, *sizes, *settings, suite.sha256))
    titles = (
        "suite",
        "version",
        "skill",
        "items",
        "samples per item",
        "aggregation",
        "temperature",
        "token cap",
        "SHA-256",
    )
    return Table(header=titles, rows=tuple(rows))


def fingerprint_tables(run: Run) -> tuple[Table, Table]:
    """Return what is the same in all started cells, and what differs, with the cells that have each value."""
    prints = {f"{cell.arm}, seed {cell.seed}": cell.fingerprint for cell in run.cells if cell.fingerprint}
    keys = list(dict.fromkeys(key for found in prints.values() for key in found))
    same, differing = [], []
    for key in keys:
        holders: dict[str, list[str]] = {}
        for cell, found in prints.items():
            holders.setdefault(_text(found, key), []).append(cell)
        if len(holders) == 1:
            same.append((key, next(iter(holders))))
        else:
            differing += [(key, value, "; ".join(cells)) for value, cells in holders.items()]
    return (
        Table(header=("what", "in every started cell"), rows=tuple(same)),
        Table(header=("what", "value", "cells"), rows=tuple(differing)),
    )


def note_table(run: Run) -> Table:
    """Return what strategies noted beside the steps, other than audits, which have a table of their own."""
    rows = [
        (event.arm, str(event.seed), str(event.step), event.words)
        for event in run.events
        if event.is_note and not is_audit(event)
    ]
    return Table(header=("arm", "seed", "step", "note"), rows=tuple(rows))


def _mean(run: Run, arm: str, at: Reading, suite: str, column: str) -> float:
    found = scores_by_seed(run, arm, at, suite, column)
    return sum(found.values()) / len(found)


def _amounts(lines: pd.DataFrame) -> tuple[str, ...]:
    counts = ("generated_tokens", "forward_tokens", "backward_tokens", "flops")
    return (
        *(formatting.quantity(total(lines, column)) for column in counts),
        formatting.seconds(total(lines, "device_seconds")),
        formatting.seconds(total(lines[lines["lost"]], "device_seconds")),
        formatting.kilojoules(total(lines, "energy_joules")),
        formatting.memory(float(lines["peak_memory_bytes"].max())),
    )


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    if value is None:
        return formatting.UNKNOWN
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
