"""However a test session ends, nothing of its cluster is left: no process, no mount, no folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.slurm.cluster import leftovers, packages
from tests.slurm.cluster.__main__ import main
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.cluster.machines import machines, mounts, running
from tests.slurm.cluster.packages import ClusterUnavailableError, require

ROOT = Path(__file__).parents[2]

SESSION = """
import os, signal, subprocess
from pathlib import Path

from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.cluster.layout import Size


def test_interrupted(cluster: FaultyCluster) -> None:
    job = cluster.submit("setsid sleep 1234 & sleep 1234")
    cluster.wait_for_state(job, "RUNNING")
    disk = cluster.small_disk(cluster.shared / "disk")
    (disk.__enter__() / "open").open("w").write("still open")
    print("STANDS", cluster.layout.folder, flush=True)
    os.kill(os.getpid(), signal.{signal})
"""
"""A session that ends in the middle of a test, with a job that has a process of its own, and a disk."""


class Ended(NamedTuple):
    folder: Path
    status: int


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, cluster: FaultyCluster) -> dict[str, Ended]:
    """Two sessions side by side, each with a cluster beside this one's; one is killed, one gets Ctrl-C."""
    sessions = {}
    for name in ("SIGKILL", "SIGINT"):
        file = tmp_path_factory.mktemp(name) / "test_session.py"
        file.write_text(SESSION.format(signal=name))
        sessions[name] = subprocess.Popen(
            ["env", "--default-signal=INT", sys.executable, "-m", "pytest", "-q", "-s", "-p", "tests.slurm.conftest",
             "-p", "no:cacheprovider", f"--rootdir={file.parent}", str(file)],
            cwd=file.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    found = {}
    for name, session in sessions.items():
        said = session.communicate(timeout=120)[0]
        assert "STANDS" in said, said
        found[name] = Ended(Path(said.partition("STANDS ")[2].split()[0]), session.returncode)
    return found


def of(folder: Path) -> list[int]:
    """Return the first processes of the machines of a cluster."""
    return [process for (place, _), process in machines().items() if place == str(folder)]


def test_a_session_that_is_interrupted_leaves_nothing(ended: dict[str, Ended]) -> None:
    folder, status = ended["SIGINT"]
    assert status == 2
    assert not folder.exists()
    assert of(folder) == []
    assert mounts(folder) == []


def test_what_a_killed_session_leaves_is_cleared_by_the_next(cluster: FaultyCluster, ended: dict[str, Ended]) -> None:
    folder, status = ended["SIGKILL"]
    assert status == -signal.SIGKILL
    left = of(folder)
    assert len(left) == 1 + len(cluster.nodes)
    homes = {os.readlink(f"/proc/{process}/ns/pid") for process in left}
    assert {"sleep 1234", "slurmctld"} <= {line for process in left for line in running(process)}
    assert sorted(mounts(folder)) == [str(folder / "shared"), str(folder / "shared" / "disk")]
    assert leftovers.clear() == [folder]
    assert not folder.exists()
    assert of(folder) == []
    assert mounts(folder) == []
    assert homes.isdisjoint(os.readlink(f"/proc/{process}/ns/pid") for process in machines().values())
    assert cluster.layout.folder.exists(), "the cluster of a session that lives is left alone"
    cluster.wait_until_well()


def test_a_cluster_for_people_starts_says_how_it_is_and_stops(cluster: FaultyCluster) -> None:
    from click.testing import CliRunner

    name, runner = f"test-{os.getpid()}", CliRunner()
    try:
        done = runner.invoke(main, ["start", "--name", name, "--nodes", "1", "--cpus", "2"])
        assert done.exit_code == 0, done.output
        configuration = Path(done.output.partition("export SLURM_CONF=")[2].strip())
        assert configuration.is_file()
        again = runner.invoke(main, ["start", "--name", name])
        assert again.exit_code == 1
        assert "stop it first" in again.output
        assert "node1" in runner.invoke(main, ["status", "--name", name]).output
        assert leftovers.clear() == [], "it belongs to nobody's session"
    finally:
        stopped = runner.invoke(main, ["stop", "--name", name])
    assert stopped.exit_code == 0, stopped.output
    assert not configuration.parent.parent.exists()
    for word in ("status", "stop"):
        assert "no cluster" in runner.invoke(main, [word, "--name", name]).output


def test_a_machine_without_slurm_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "PATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterUnavailableError, match=r"not on this machine: munged, .*\.ci/machine installs them"):
        require()


def test_a_user_who_may_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterUnavailableError, match="needs root"):
        require()
