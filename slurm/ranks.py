"""Which of a job's tasks this process is, by what Slurm says.

Submitit starts one process for each task, on every node of a job. What torch needs to join them follows from Slurm's
variables: they meet on the first node of the job, at a port made of the job's number and of how often it was started.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.training.ranks import Ranks

PORTS = range(20_000, 32_000)
"""Below those that Linux gives to clients: a connection that was closed holds its port for another minute."""


def join(ranks: int) -> Ranks:
    """Join the other tasks of this job, if it has several, and return which one this is.

    Raises:
        CellError: If the others don't come.
    """
    from harness.training.ranks import ALONE, meet

    if ranks == 1:
        return ALONE
    name_task()
    return meet()


def name_task() -> None:
    """Set the variables by which torch knows this process among those of its job; torchrun sets the same."""
    from submitit import JobEnvironment
    from submitit.helpers import TorchDistributedEnvironment

    restart = int(os.environ.get("SLURM_RESTART_COUNT") or 0)
    os.environ.setdefault("MASTER_PORT", str(port_of(JobEnvironment().job_id, restart)))
    # Every process sees all GPUs of its node, and takes the one of its number there.
    TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)


def port_of(job: str, restart: int) -> int:
    """Return where the tasks of a job meet: another port when it is started again, since the first may be taken."""
    return random.Random(f"{job} {restart}").choice(PORTS)
