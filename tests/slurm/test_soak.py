"""A run on a cluster that faults befall at random for a minute; `python -m tests.slurm.soak` does so for longer."""

from __future__ import annotations

from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.soak import soak


def test_every_cell_is_done_once_with_the_records_of_a_run_left_alone(cluster: FaultyCluster) -> None:
    accounts = soak(cluster, cells=6, seconds=60, steps=20, pause_s=2.0, seed=0)
    assert len(accounts) == 3
    assert sum(account.attempts for account in accounts) > 3, "something befell them"
