"""A real Slurm cluster for the tests that need one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.slurm.cluster import leftovers
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.cluster.packages import ClusterUnavailableError


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
