"""The programs that a cluster is made of, and installing them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

from tests.slurm.cluster.machines import PATH

PROGRAMS = (
    "munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch", "srun", "sacct",
    "sacctmgr", "nsenter", "unshare", "setsid", "mount",
)  # fmt: skip
MACHINE = Path(__file__).parents[3] / ".ci" / "machine"
"""Installs what the tests need beside Python packages."""


class ClusterUnavailableError(RuntimeError):
    """No cluster can be had on this machine, and why."""


def fake_clock() -> Path | None:
    """Return the library that fakes the clock of the programs that load it."""
    return next((found for found in sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def missing() -> list[str]:
    """Return the programs and libraries that this machine lacks."""
    lacking = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    return lacking if fake_clock() else [*lacking, "libfaketime"]


def require() -> None:
    """See that a cluster can be had here, installing what is missing where we may.

    Raises:
        ClusterUnavailableError: If it can't, with the reason and what to do.
    """
    if os.geteuid() != 0:
        raise ClusterUnavailableError(
            "a Slurm cluster of its own needs root (namespaces, mounts): run the tests as root"
        )
    if missing() and shutil.which("apt-get"):
        done = subprocess.run([MACHINE, "slurm"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterUnavailableError(
                f".ci/machine can't install Slurm: {done.stderr.strip() or done.stdout.strip()}"
            )
    if lacking := missing():
        raise ClusterUnavailableError(f"not on this machine: {', '.join(lacking)}; on Debian .ci/machine installs them")
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError as error:
        raise ClusterUnavailableError(
            f"this machine doesn't know its own name, {socket.gethostname()}: add it to /etc/hosts (srun needs it)"
        ) from error
    done = subprocess.run(
        ["unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "true"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ClusterUnavailableError(
            f"no namespaces here ({done.stderr.strip()}): in a container, start it with --privileged"
        )
