"""What the job of one stage asks a cluster for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.store.stages import Stage

Purpose = Stage | Literal["probe"]
"""What a job is for: a stage of a cell, or to see whether a node is fit for those."""

PROBE_TIME_MIN = 2
SAVE_S = 90
"""As long as submitit leaves by itself."""
SHORTEST_SHARE = 4
"""At most one in so many seconds of a job goes to saving: Slurm may warn it a minute early besides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One job's resources, every default filled in."""

    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    constraint: str | None = None
    time_min: int = 240
    memory_gib: float = 4.0
    """On each node."""
    cpus: int = 1
    """For each task."""
    gpus: int = 0
    """On each node."""
    gpu_type: str | None = None
    nodes: int = 1
    tasks: int = 1
    """On each node."""
    at_once: int = 256
    """Jobs of one array that may run side by side."""
    save_s: int | None = None
    """Seconds before its end at which a job is told to save."""
    modules: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    container: str | None = None
    """Stands before the Python that runs in the job, as `apptainer exec --nv image.sif`."""
    python: str | None = None
    """The Python of the jobs; that of whoever queues by default."""
    sbatch: tuple[tuple[str, str | int | bool], ...] = ()
    """Further options of sbatch, by their long names."""

    @property
    def signal_s(self) -> int:
        """Seconds before its end at which a job is told to save; a short job keeps most of its time."""
        return min(SAVE_S if self.save_s is None else self.save_s, 60 * self.time_min // SHORTEST_SHARE)

    @property
    def ranks(self) -> int:
        """Processes that train one cell together."""
        return self.nodes * self.tasks

    @property
    def devices(self) -> int:
        """What is counted in device-hours: GPUs, or CPU cores without any."""
        return self.nodes * (self.gpus or self.tasks * self.cpus)

    @property
    def device(self) -> str:
        """The word for one of them."""
        return (self.gpu_type or "GPU") if self.gpus else "core"

    @property
    def cpus_per_node(self) -> int:
        """CPU cores on each node."""
        return self.tasks * self.cpus
