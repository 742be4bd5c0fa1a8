from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.evaluation.records import read_records, write_records
from harness.store.paths import RunPaths
from reports.errors import ReportError
from reports.read import read_run
from reports.reading import Reading, at_budget, at_checkpoint
from reports.verdicts.family import judged
from reports.verdicts.pairs import pairs

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

SUITES = {"countdown": (0.2, 0.3), "sorting": (0.8, -0.2)}
COUNTS = {
    ("grpo", 0, 1, "countdown"): (0, 2, 4),
    ("grpo", 0, 2, "countdown"): (2, 2, 4),
    ("grpo", 1, 2, "countdown"): (0, 4, 4),
    ("g2rl", 0, 1, "countdown"): (0, 0, 0),
    ("g2rl", 0, 2, "countdown"): (4, 2, 0),
    ("g2rl", 1, 2, "countdown"): (1, 4, 3),
}


def small(spec: type[RunSpec], **changes: object) -> RunSpec:
    return spec(**{"seeds": (0, 1), "items": 3, "samples": 4, "counts": COUNTS, **changes})  # type: ignore[arg-type]


def test_differences_are_by_seed_and_item(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(small(spec)))
    found = pairs(run, ("g2rl", "grpo"), at_checkpoint(run, 2), ("countdown",))
    assert found.differences[0] == pytest.approx(np.array([[0.5, 0, -1], [0.25, 0, -0.25]]))
    assert (found.seeds, found.left_out) == ((0, 1), "")


def test_a_failed_seed_and_a_lost_item_are_listed(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(small(spec, seeds=(0, 1, 2), failed={("grpo", 2): "too big"}))
    path = RunPaths(root).cell("02-1").record(2, "countdown")
    records = read_records(path)
    write_records(path, records.key, records.items[1:], settings="made up")
    run = read_run(root)
    found = pairs(run, ("g2rl", "grpo"), at_checkpoint(run, 2), ("countdown",))
    assert found.differences[0] == pytest.approx(np.array([[0, -1], [0, -0.25]]))
    assert found.left_out == "seed 2 and 1 item of countdown"


def test_between_two_checkpoints_items_are_interpolated(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(small(spec)))
    at = Reading(words="", weights={("grpo", 0): {1: 0.5, 2: 0.5}, ("g2rl", 0): {2: 1.0}})
    found = pairs(run, ("g2rl", "grpo"), at, ("countdown",))
    assert found.differences[0] == pytest.approx(np.array([[0.75, 0, -1]]))
    assert found.left_out == "seed 1"


def test_at_equal_compute_the_dearer_arm_is_read_earlier(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(small(spec, cost={"g2rl": 2.0})))
    at = at_budget(run, "generated_tokens")
    assert at.of("grpo", 0) == {2: 1.0}
    assert at.of("g2rl", 0) == {1: 1.0}
    assert at_budget(run, "steps").of("g2rl", 0) == {2: 1.0}
    (by_tokens,), (by_steps,) = (
        judged(run, [("g2rl", "grpo")], where, None) for where in (at, at_budget(run, "steps"))
    )
    assert by_tokens.effect is not None
    assert by_steps.effect is not None
    assert by_tokens.effect.mean < by_steps.effect.mean


def test_what_cannot_be_matched_is_an_error(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(small(spec)))
    with pytest.raises(ReportError, match=r"nothing is extrapolated, so give at most 8,000"):
        at_budget(run, "generated_tokens", 1e9)
    with pytest.raises(ReportError, match="got 'joules'"):
        at_budget(run, "joules")


def test_one_seed_has_a_difference_and_no_interval(write_run: WriteRun, spec: type[RunSpec]) -> None:
    run = read_run(write_run(small(spec, seeds=(0,))))
    (found,) = judged(run, [("g2rl", "grpo")], at_checkpoint(run, 2), None)
    assert found.interval is not None
    assert (found.interval.half_width, found.verdict) == (None, "can't tell")


def test_an_item_that_stands_twice_cannot_be_paired(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(small(spec))
    path = RunPaths(root).cell("02-1").record(2, "countdown")
    records = read_records(path)
    write_records(path, records.key, [records.items[0], *records.items], settings="made up")
    with pytest.raises(ReportError, match="stands in it twice"):
        pairs(run := read_run(root), ("g2rl", "grpo"), at_checkpoint(run, 2), ("countdown",))


def test_both_targets_are_told(write_run: WriteRun, spec: type[RunSpec]) -> None:
    for items, wider in (("items like these", True), ("these items", False)):
        run = read_run(write_run(small(spec, name=items.replace(" ", "-"), verdicts={"items": items})))
        (found,) = judged(run, [("g2rl", "grpo")], at_checkpoint(run, 2), None)
        assert found.interval is not None
        assert found.elsewhere is not None
        assert (found.interval.half_width or 0) != (found.elsewhere.half_width or 0)
        assert ((found.interval.half_width or 0) > (found.elsewhere.half_width or 0)) == wider
