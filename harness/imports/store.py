"""Writing imported results into a run: cells of kind `imported`, and a resolved plan that says what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.evaluation.errors import RecordsError
from harness.evaluation.records import RecordKey, recorded_facts, recorded_summary, write_records
from harness.imports.result import ImportFileError, Result
from harness.store import attempts
from harness.store.atomic import write_json, write_text
from harness.store.paths import CellPaths, RunPaths
from harness.store.status import read_resolved
from harness.store.version import written_here
from suites.contract import differences

KIND = "imported"
BASE = "base"
"""The arm of the untrained model; its records stand at the start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whose results they are."""

    arm: str
    seed: int


def add_results(run: RunPaths, owner: Owner, results: Iterable[Result], *, replace: bool, baseline: str | None) -> None:
    """Put the results of one arm and seed into a run, making the run if there is none.

    Raises:
        ImportFileError: If the folder is a run that was trained here, a result is there already and is not to be
            replaced, or a suite was asked otherwise before, with each difference.
    """
    before = _resolved(run)
    cell = f"{re.sub(r'[^A-Za-z0-9]+', '-', owner.arm).strip('-')}-s{owner.seed}-{KIND}"
    paths, number = run.cell(cell), 0 if owner.arm == BASE else 1
    results = list(results)
    for result in results:
        _require_same_terms(run, result)
        if paths.record(number, result.suite).exists() and not replace:
            raise ImportFileError(
                f"{run.root}: {owner.arm}, seed {owner.seed} has results on {result.suite} already; "
                "--replace replaces them"
            )
    for result in results:
        key = RecordKey(
            arm=owner.arm,
            seed=owner.seed,
            checkpoint=number,
            share=float(number),
            suite=result.suite,
            suite_sha256=result.sha256,
        )
        facts = {"key": {"kind": KIND}, "suite": dict(result.terms)}
        write_records(paths.record(number, result.suite), key, result.items, settings=result.sha256, facts=facts)
    if not paths.identity.exists():
        write_json(paths.identity, {"cell": cell, "arm": owner.arm, "seed": owner.seed, "kind": KIND, "identity": {}})
        attempts.end(paths, attempts.begin(paths), "done")
    cells = {one["id"]: one for one in before.get("cells", [])}
    cells[cell] = {"id": cell, "arm": owner.arm, "seed": owner.seed, "kind": KIND}
    _write_resolved(run, list(cells.values()), baseline or before.get("baseline"))


def _resolved(run: RunPaths) -> dict[str, Any]:
    if not run.resolved.exists():
        if run.root.exists() and any(run.root.iterdir()):
            raise ImportFileError(f"{run.root}: is a folder with other things in it; give one that isn't there yet")
        return {}
    found = read_resolved(run)
    if found.get("kind") != KIND:
        raise ImportFileError(f"{run.root}: is a run that was trained here; import into a run of its own")
    return found


def _require_same_terms(run: RunPaths, result: Result) -> None:
    """Refuse a result whose suite was asked otherwise in another cell: their scores can't stand in one table."""
    for path in _records(run, result.suite):
        terms = recorded_facts(path)["suite"]
        if lines := differences(terms, json.loads(json.dumps(dict(result.terms)))):
            raise ImportFileError(
                f"{result.suite} is another suite here than in {path.relative_to(run.root)}: {'; '.join(lines)}"
            )


def _records(run: RunPaths, suite: str) -> list[Path]:
    return sorted(run.cells.glob(f"*/records/[0-9][0-9][0-9][0-9]-{suite}.parquet"))


def _write_resolved(run: RunPaths, cells: list[dict[str, Any]], baseline: str | None) -> None:
    arms = list(dict.fromkeys([BASE, *(cell["arm"] for cell in cells)]))
    trained = [arm for arm in arms if arm != BASE] or [BASE]
    if baseline is not None and baseline not in arms:
        raise ImportFileError(f"{run.root}: the baseline {baseline!r} has no results yet; import it first")
    write_json(
        run.resolved,
        {
            **written_here(),
            "name": run.root.name,
            "kind": KIND,
            "baseline": baseline or trained[0],
            "model": {"name": "as imported", "sha256": ""},
            "task": "as imported",
            "budget": {"unit": "unknown", "amount": 0},
            "checkpoints": 1,
            "seeds": sorted({cell["seed"] for cell in cells}),
            "arms": [{"name": arm, "strategy": None, "family": KIND, "at_defaults": True} for arm in arms],
            "suites": [_suite(run, name) for name in _suites(run, cells)],
            "cells": cells,
        },
    )
    if not run.plan.exists():
        write_text(run.plan, "# Results that were imported; there is no plan.\n")


def _suites(run: RunPaths, cells: list[dict[str, Any]]) -> list[str]:
    names = {path.stem[5:] for cell in cells for path in CellPaths(run.cell(cell["id"]).root).records.glob("*.parquet")}
    return sorted(names)


def _suite(run: RunPaths, name: str) -> dict[str, Any]:
    path = _records(run, name)[0]
    try:
        facts, summary = recorded_facts(path), recorded_summary(path)
    except RecordsError as error:
        raise ImportFileError(str(error)) from error
    terms = facts["suite"]
    generation = terms.get("generation") or {}
    from suites.contract import digest

    return {
        "name": name,
        "version": str(terms.get("version")),
        "sha256": digest(terms),
        "skill": KIND,
        "description": f"imported from {terms['source']}",
        "items": summary["items"],
        "samples": terms["samples"],
        "primary": True,
        "at": "every",
        "temperature": generation.get("temperature"),
        "max_tokens": generation.get("max_gen_toks") or generation.get("max_tokens"),
        "terms": terms,
    }
