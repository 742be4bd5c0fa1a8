"""Which of a job's tasks this process is, by what Slurm says.

Submitit starts one process for each task, on every node of a job. What torch needs to join them follows from Slurm's
variables: they meet on the first node of the job, at a port made of the job's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.training.ranks import Ranks


@contextmanager
def launched(ranks: int) -> Iterator[Ranks]:
    """Join the other tasks of this job for the block, if it has several; yield which one this is.

    Raises:
        CellError: If the others don't come.
    """
    from harness.training.ranks import ALONE, meeting

    if ranks == 1:
        yield ALONE
        return
    name_task()
    with meeting() as joined:
        yield joined


def name_task() -> None:
    """Set the variables by which torch knows this process among those of its job; torchrun sets the same."""
    from submitit.helpers import TorchDistributedEnvironment

    # Every process sees all GPUs of its node, and takes the one of its number there.
    TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
