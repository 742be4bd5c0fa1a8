from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from harness.evaluation.records import read_records, write_records
from harness.store.paths import RunPaths
from reports.read import read_run
from reports.reading import at_checkpoint
from reports.statistics import effect
from reports.verdicts.couples import all_effects
from reports.verdicts.pairs import pairs

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

ARMS = ("grpo", "one", "two", "three", "four")


def test_all_couples_at_once_are_each_by_itself(write_run: WriteRun, spec: type[RunSpec]) -> None:
    nothing = {("four", seed): 0 for seed in range(3)}
    root = write_run(spec(arms=ARMS, seed_noise=0.05, failed={("two", 2): "too big"}, unfinished=nothing))
    path = RunPaths(root).cell("03-1").record(2, "countdown")
    records = read_records(path)
    write_records(path, records.key, records.items[1:], settings="made up")
    run = read_run(root)
    at, suites = at_checkpoint(run, 2), run.plan.primary_suites
    each = [(couple, pairs(run, couple, at, suites).differences) for couple in combinations(ARMS, 2)]
    wanted = {couple: effect(differences) if differences else None for couple, differences in each}
    assert sum(one is None for one in wanted.values()) == 4
    assert list(all_effects(run, ARMS, at, suites).items()) == list(wanted.items())
