"""A real Slurm cluster for the tests that need one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slurm.cluster import Cluster, parsed_nodes, parsed_partitions, parsed_settings
from tests.slurm.cluster import leftovers
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.cluster.packages import ClusterUnavailableError

CAPTURED = Path(__file__).parent / "captured"


@pytest.fixture(scope="session")
def cluster() -> Iterator[FaultyCluster]:
    """The session's own cluster; without one a test is skipped and says so, or fails where nothing may be skipped."""
    leftovers.clear()
    try:
        one = FaultyCluster.start(leftovers.own_name())
    except ClusterUnavailableError as error:
        if os.environ.get("EXPLOREBENCH_NOTHING_SKIPPED"):
            pytest.fail(f"no Slurm cluster: {error}")
        pytest.skip(f"no Slurm cluster: {error}")
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def captured() -> Cluster:
    """What Slurm's commands printed on another cluster."""
    return Cluster(
        name="lab",
        version="22.05.8",
        settings=parsed_settings((CAPTURED / "config.txt").read_text()),
        partitions=parsed_partitions((CAPTURED / "partitions.txt").read_text()),
        nodes=parsed_nodes((CAPTURED / "nodes.txt").read_text()),
        accounts=None,
        no_accounts="not asked",
    )
