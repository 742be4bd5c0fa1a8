"""Submitit's executors, with settings that avoid what it stumbles over.

- Attempts are bounded by the plan: submitit takes every warning in a short job for a timeout and would give up.
- `--requeue` is said, since a cluster may have it off; so is what becomes of a job whose dependency failed.
- srun is told the cores of a task: since 22.05 it no longer takes them from sbatch.
- Jobs import from the code snapshot and from nowhere that changes: submitit pickles functions by their names.
"""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.cores import THREAD_VARIABLES
from slurm.requests import Request

if TYPE_CHECKING:
    import submitit

Cluster = Literal["slurm", "local", "debug"]
TIMEOUTS = 1_000_000
"""Far more than any plan allows attempts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What is the same for all jobs of one array, beside its resources."""

    name: str
    comment: str
    folder: Path
    """Where submitit keeps scripts, pickles and output."""
    code: Path
    """What jobs import from."""
    after: str | None = None
    """Slurm's dependency, such as `aftercorr:12`."""


def make_executor(cluster: Cluster, request: Request, batch: Batch) -> submitit.AutoExecutor:
    """Return the executor for one array of jobs, or one job."""
    import submitit

    # Always explicit: by itself submitit takes Slurm whenever srun is on the PATH.
    own = {"slurm": {"slurm_python": python_of(request)}}.get(cluster, {})
    bound = {} if cluster == "debug" else {f"{cluster}_max_num_timeout": TIMEOUTS}
    executor = submitit.AutoExecutor(folder=batch.folder, cluster=cluster, **bound, **own)
    executor.update_parameters(
        name=batch.name,
        timeout_min=request.time_min,
        cpus_per_task=request.cpus,
        mem_gb=request.memory_gib,
        nodes=request.nodes,
        tasks_per_node=request.tasks,
        **(_of_slurm(request, batch) if cluster == "slurm" else {}),
    )
    return executor


def python_of(request: Request) -> str:
    """Return the command that starts Python in a job."""
    python = request.python or sys.executable
    return f"{request.container} {shlex.quote(python)}" if request.container else shlex.quote(python)


def environment(request: Request, code: Path) -> dict[str, str]:
    """Return the variables that a job needs; PYTHONPATH goes before whatever there is."""
    threads = dict.fromkeys(THREAD_VARIABLES, str(request.cpus))
    return {"PYTHONSAFEPATH": "1", "TOKENIZERS_PARALLELISM": "false", **threads, "PYTHONPATH": str(code)}


def script(executor: submitit.AutoExecutor, jobs: int) -> str:
    """Return the script that would be sent for an array of `jobs` jobs (one job is no array)."""
    slurm = executor._executor
    before = dict(slurm.parameters)
    try:
        if jobs > 1:
            slurm.parameters["map_count"] = jobs
        text: str = slurm._make_submission_file_text(slurm._submitit_command_str, "")
    finally:
        slurm.parameters = before
    return text


def with_rest_of_path(code: Path) -> str:
    """Return PYTHONPATH with the snapshot before what stands there."""
    return os.pathsep.join([str(code), *filter(None, [os.environ.get("PYTHONPATH")])])


def _of_slurm(request: Request, batch: Batch) -> dict[str, Any]:
    together = ["--kill-on-bad-exit=1"] if request.ranks > 1 else []  # the others would wait for one that is gone
    gpus = f"{request.gpu_type}:{request.gpus}" if request.gpu_type else request.gpus
    said = {
        "partition": request.partition,
        "account": request.account,
        "qos": request.qos,
        "constraint": request.constraint,
        "gpus_per_node": gpus if request.gpus else None,
        "dependency": batch.after,
        "comment": batch.comment,
        "array_parallelism": request.at_once,
        "signal_delay_s": request.signal_s,
        "setup": _setup(request, batch.code),
        "srun_args": [f"--cpus-per-task={request.cpus}", *together],
        "additional_parameters": {
            **({"kill-on-invalid-dep": "yes"} if batch.after else {}),
            "requeue": True,
            **{name: value for name, value in request.sbatch if value is not False},
        },
    }
    return {f"slurm_{name}": value for name, value in said.items() if value is not None}


def _setup(request: Request, code: Path) -> list[str]:
    """Return the lines before the job's own command; the first that fails ends the job."""
    variables = environment(request, code)
    del variables["PYTHONPATH"]
    return [
        "set -e",
        *(f"module load {shlex.quote(module)}" for module in request.modules),
        *request.setup,
        *(f"export {name}={value}" for name, value in variables.items()),
        f'export PYTHONPATH={shlex.quote(str(code))}"${{PYTHONPATH:+:$PYTHONPATH}}"',
    ]
