"""A real Slurm cluster for the tests that need one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.slurm.cluster import leftovers
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.cluster.packages import ClusterUnavailableError

ORDEAL = "EXPLOREBENCH_ORDEAL"
collect_ignore = [] if os.environ.get(ORDEAL) else ["test_ordeal.py"]


def pytest_report_header() -> str:
    """Say what is left out unless it is asked for: five minutes in which everything befalls a run at once."""
    return "the ordeal on a cluster: " + ("run too" if not collect_ignore else f"left out, {ORDEAL}=1 runs it")


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
