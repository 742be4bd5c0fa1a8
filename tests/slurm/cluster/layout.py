"""Where one cluster lives: a folder, ports on loopback, and its size."""

from __future__ import annotations

import json
import os
import random
import socket
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

PREFIX = "explorebench-slurm-"
PORTS = range(20_000, 32_000)
"""Below the range from which the kernel hands out ports to clients."""
CONTROLLER = "controller"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large the cluster claims to be: its CPUs and its memory are virtual."""

    nodes: int = 4
    cpus: int = 4
    """For each node."""
    memory_mb: int = 10_000
    """For each node."""

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in asdict(self).items() if value < 1}
        if wrong:
            raise ValueError(f"a cluster has at least 1 of each of nodes, cpus, memory_mb; got {wrong}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of a cluster's files; nothing of it lies elsewhere."""

    folder: Path

    @property
    def configuration(self) -> Path:
        """Return slurm.conf, to which SLURM_CONF points; slurmdbd.conf lies beside it."""
        return self.folder / "etc" / "slurm.conf"

    @property
    def hosts(self) -> Path:
        return self.folder / "etc" / "hosts"

    @property
    def prolog(self) -> Path:
        return self.folder / "etc" / "task_prolog"

    @property
    def clocks(self) -> Path:
        """Return the folder that holds, for each node whose clock is wrong, by how many seconds."""
        return self.folder / "clocks"

    @property
    def machines(self) -> Path:
        """Return the folder with a file for each machine that is set up."""
        return self.folder / "machines"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def shared(self) -> Path:
        """Return the disk that all nodes share: mounts made in here are seen by every node."""
        return self.folder / "shared"

    @property
    def database(self) -> Path:
        """Return MariaDB's folder, which lies in the memory of the controller's machine."""
        return self.folder / "mysql"

    @property
    def database_socket(self) -> Path:
        return self.folder / "run" / "mysqld.sock"

    @property
    def munge(self) -> Path:
        return self.folder / "munge"

    @property
    def munge_socket(self) -> Path:
        return self.munge / "socket"

    @property
    def facts(self) -> Path:
        """Return the file with the size of the cluster and its ports."""
        return self.folder / "cluster.json"

    def pid_file(self, daemon: str) -> Path:
        return self.folder / "run" / f"{daemon}.pid"

    def make(self) -> None:
        """Make the folders. The path of a socket has at most 107 bytes."""
        if len(os.fsencode(self.munge_socket)) > 107:
            raise ValueError(f"{self.munge_socket} is too long for a socket: choose a folder with a shorter path")
        self.folder.mkdir(parents=True)
        for place in (self.configuration.parent, self.clocks, self.machines, self.logs, self.state, self.spool,
                      self.shared, self.database, self.munge, self.folder / "run"):  # fmt: skip
            place.mkdir(mode=0o755)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is written down of a cluster when it is made."""

    nodes: tuple[str, ...]
    controller_port: int
    accounting_port: int
    database_port: int
    node_ports: tuple[int, ...]
    cpus: int
    memory_mb: int
    password: str

    @classmethod
    def choose(cls, size: Size) -> Facts:
        """Find free ports for a cluster of this size."""
        first, second, third, *others = free_ports(3 + size.nodes)
        return cls(
            nodes=tuple(f"node{n}" for n in range(1, size.nodes + 1)),
            controller_port=first,
            accounting_port=second,
            database_port=third,
            node_ports=tuple(others),
            cpus=size.cpus,
            memory_mb=size.memory_mb,
            password=os.urandom(12).hex(),
        )

    @classmethod
    def read(cls, layout: Layout) -> Facts:
        """Read the facts of a cluster that was made before."""
        found = json.loads(layout.facts.read_text())
        return cls(**{**found, "nodes": tuple(found["nodes"]), "node_ports": tuple(found["node_ports"])})

    def write(self, layout: Layout) -> None:
        layout.facts.write_text(json.dumps(asdict(self), indent=1))


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens."""
    found: list[socket.socket] = []
    try:
        for port in random.SystemRandom().sample(PORTS, len(PORTS)):
            one = socket.socket()
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                one.close()
                continue
            found.append(one)
            if len(found) == count:
                return [one.getsockname()[1] for one in found]
    finally:
        for one in found:
            one.close()
    raise RuntimeError(f"fewer than {count} free ports from {PORTS.start} to {PORTS.stop}")


def folder_of(name: str) -> Path:
    """Return the folder of the cluster of that name."""
    return Path(tempfile.gettempdir()).resolve() / f"{PREFIX}{name}"
