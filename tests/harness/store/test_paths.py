"""Every file has one name, and no two share one."""

from __future__ import annotations

from pathlib import Path

from harness.store.paths import CellPaths, RunPaths


def test_the_layout_of_a_run() -> None:
    run = RunPaths(Path("runs/tiny"))
    cell = run.cell("grpo-s0-abc")
    named = {
        "plan.yaml": run.plan,
        "plan.resolved.json": run.resolved,
        "tuning.json": run.tuning,
        "cells/grpo-s0-abc/cell.json": cell.identity,
        "cells/grpo-s0-abc/attempts/002.json": cell.attempt(2),
        "cells/grpo-s0-abc/attempts/002.log": cell.log(2),
        "cells/grpo-s0-abc/train.jsonl": cell.train,
        "cells/grpo-s0-abc/ledger.jsonl": cell.ledger,
        "cells/grpo-s0-abc/checkpoints/0004": cell.checkpoint(4),
        "cells/grpo-s0-abc/records/0004-countdown-hard.parquet": cell.record(4, "countdown-hard"),
        "cells/grpo-s0-abc/scratch": cell.scratch,
    }
    assert {name: run.root / name for name in named} == named


def test_names_sort_as_numbers_do() -> None:
    cell = CellPaths(Path("cell"))
    for name in (cell.attempt, cell.checkpoint):
        assert sorted([name(10), name(9), name(100)]) == [name(9), name(10), name(100)]
