"""A plan on a real cluster to which everything happens that can: each cell ends with the records of one left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.store.atomic import read_lines
from harness.store.attempts import is_lost, read_resumes
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.ordeal import (
    CALM,
    CANCELLED,
    CELLS,
    FULL,
    LONG,
    NODE_KILLED,
    OUT,
    REQUEUED,
    STEPS,
    TIMED,
    WITH_GRACE,
    WITHOUT_GRACE,
    Ordeal,
    causes,
    endured,
    made,
    records,
)  # fmt: skip


@pytest.fixture(scope="module")
def ordeal(cluster: FaultyCluster) -> Iterator[Ordeal]:
    with endured(cluster) as one:
        yield one


@pytest.mark.parametrize("seed", CELLS)
def test_the_records_are_those_of_a_run_left_alone(ordeal: Ordeal, seed: int) -> None:
    expected = records(ordeal.calm, ordeal.cell(seed))
    assert len(expected) == 2
    assert ordeal.seen["records"][seed] == expected


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (WITH_GRACE, ["preempted", None]),
        (WITHOUT_GRACE, ["preempted|requeued", None]),
        (REQUEUED, ["requeued", None]),
        (NODE_KILLED, ["node failure", None]),
        (TIMED, ["time limit", None]),
        (LONG, ["time limit", None]),
        (CANCELLED, ["cancelled", None]),
        (CALM, [None]),
    ],
)
def test_each_cause_is_told(ordeal: Ordeal, seed: int, expected: list[str | None]) -> None:
    found = causes(ordeal.paths(seed))
    assert len(found) == len(expected)
    assert all(
        one == other or (one and other and one in other.split("|")) for one, other in zip(found, expected, strict=True)
    ), [attempt.cause for attempt in made(ordeal.paths(seed))]


@pytest.mark.parametrize("seed", [WITH_GRACE, WITHOUT_GRACE, REQUEUED, NODE_KILLED, TIMED, LONG, CANCELLED])
def test_what_was_reached_is_not_done_again(ordeal: Ordeal, seed: int) -> None:
    """Where there was time to save, no step is lost; where there was none, those since the last checkpoint."""
    paths = ordeal.paths(seed)
    first, second = made(paths)
    resumes = read_resumes(paths)
    lines = read_lines(paths.train)
    kept = [line["step"] for line in lines if not is_lost(line["attempt"], line["step"], resumes)]
    assert kept == list(range(1, STEPS + 1)), "each step counts once"
    lost = len(lines) - len(kept)
    reached = max((line["step"] for line in lines if line["attempt"] == first.attempt), default=0)
    if seed in (WITH_GRACE, TIMED):
        assert (lost, second.resumed_from_step) == (0, reached)
    else:
        assert lost == reached - second.resumed_from_step


def test_a_full_disk_fails_one_cell_alone(ordeal: Ordeal) -> None:
    full = ordeal.seen["full"][ordeal.cell(FULL)]
    assert full["state"] == "failed"
    assert full["words"].startswith("failed: disk full: ")
    _, found = ordeal.seen["full paths"]
    assert found == ["disk full", None]


def test_states_are_told_in_our_words(ordeal: Ordeal) -> None:
    running = ordeal.seen["running"][ordeal.cell(REQUEUED)]
    assert running["words"].startswith("running at ")
    assert running["job"] == ordeal.jobs[REQUEUED]
    again = ordeal.seen["requeued"][ordeal.cell(REQUEUED)]
    assert (again["state"], again["requeued"]) in (("queued", 1), ("running", 1))
    assert "requeued once" in again["words"]
    cancelled = ordeal.seen["cancelled"][ordeal.cell(CANCELLED)]
    assert cancelled["words"].startswith("interrupted: cancelled: ")
    over = ordeal.seen["over its memory"][ordeal.cell(CALM)]
    assert over["words"].startswith(OUT)


def test_status_works_without_accounting_and_without_a_controller(ordeal: Ordeal) -> None:
    cells, _ = ordeal.seen["without accounting"]
    assert len(cells) == 18
    cells, notes = ordeal.seen["without a controller"]
    assert len(cells) == 18
    assert "Slurm's queue can't be seen: " in notes
    assert "States are what the run's files say" in notes


def test_of_two_jobs_for_one_cell_the_second_leaves_it_alone(ordeal: Ordeal) -> None:
    (attempt,) = made(ordeal.paths(CALM))
    assert attempt.job == ordeal.jobs[CALM]
    log = next(ordeal.run.jobs.glob(f"{ordeal.seen['second job']}_*_log.out")).read_text()
    assert "is working on" in log


def test_each_attempt_has_its_own_line_in_slurms_accounting(ordeal: Ordeal) -> None:
    done = ordeal.command("account", str(ordeal.run.root))
    assert done.returncode == 0, done.stderr
    found = json.loads(ordeal.run.accounting.read_text())
    first, second = found[ordeal.jobs[WITH_GRACE]]
    assert first["state"] in ("PREEMPTED", "REQUEUED")
    assert second["state"] == "COMPLETED"
    assert second["elapsed_s"] > 0
    (later,) = found[ordeal.jobs[CANCELLED]]  # sent when accounting was back: of what ran meanwhile it may lack memory
    assert later["max_rss_bytes"] > 100 * 2**20


def test_logs_finds_what_the_job_printed(ordeal: Ordeal) -> None:
    done = ordeal.command("logs", str(ordeal.run.root), ordeal.cell(WITH_GRACE), "--path")
    assert sorted(Path(line).name for line in done.stdout.split()) == [
        f"{ordeal.jobs[WITH_GRACE]}_0_log.err",
        f"{ordeal.jobs[WITH_GRACE]}_0_log.out",
    ]
