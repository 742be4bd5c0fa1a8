"""The raw side of the benchmark: each command runs once, a failure is told, the seconds are those of the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.slurm import raw_seconds
from tests.slurm.cluster.faults import FaultyCluster


def test_each_command_runs_once_and_the_time_is_that_to_the_last_end(cluster: FaultyCluster, tmp_path: Path) -> None:
    commands = [f"echo {task} '\"quoted\"' >>{tmp_path}/log" for task in range(10)]
    seconds = raw_seconds(cluster, [*commands, "sleep 2"])
    assert sorted((tmp_path / "log").read_text().splitlines()) == sorted(f'{task} "quoted"' for task in range(10))
    assert seconds >= 2


def test_a_command_that_fails_is_told(cluster: FaultyCluster) -> None:
    with pytest.raises(RuntimeError, match=r"1 of 2 commands failed; echo why; false:\nwhy"):
        raw_seconds(cluster, ["true", "echo why; false"])
