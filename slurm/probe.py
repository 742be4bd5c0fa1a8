"""The job that tries a compute node out, in place of the hundreds that would fail there.

Each look is made by itself, so that one that fails hides none of the others.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from harness.store.atomic import write_json
from harness.store.paths import RunPaths

IMPORTED = (
    "harness.training.cell",
    "harness.training.trainer",
    "harness.training.setup",
    "harness.evaluation.engines.transformers",
    "harness.tuning.settle",
    "slurm.job",
)
"""What a cell's job imports."""
ROOM_GIB = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One thing that was looked at."""

    what: str
    fine: bool
    found: str
    """What was found, or why it is not fine and what to do."""


class UnfitNodeError(RuntimeError):
    """Why jobs would fail on a node."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Called without arguments on a compute node, it writes what it found into the run's folder."""

    run_root: str
    """Absolute."""
    name: str
    code: str
    """Folder of the code snapshot."""
    code_sha256: str
    gpus: int
    cells: tuple[str, ...]
    """Ids of cells that the plan must have there as here."""

    def __call__(self) -> None:
        """Look at everything; what is found stands in the run's folder."""
        run = RunPaths(Path(self.run_root))
        looks = [
            look("code", lambda: _code(Path(self.code), self.code_sha256)),
            look("imports", lambda: _imports(Path(self.code))),
            look("device", lambda: _device(self.gpus)),
            look("plan and data", lambda: _plan(run, self.cells)),
            look("shared folder", lambda: _disk(run, self.name)),
        ]
        found = {
            "host": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
            "looks": [asdict(one) for one in looks],
            "time": time.time(),
        }
        write_json(run.probe(self.name), found)


def look(what: str, at: Callable[[], str]) -> Look:
    """Return what `at` found, or why it could not."""
    try:
        return Look(what=what, fine=True, found=at())
    except UnfitNodeError as error:
        return Look(what=what, fine=False, found=str(error))
    except Exception as error:  # whatever it is, it is what jobs would fail with
        return Look(what=what, fine=False, found=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def _code(folder: Path, sha256: str) -> str:
    from harness.fingerprint import CODE_FACTS
    from slurm.code import code_files, files_sha256

    if not folder.is_dir():
        raise UnfitNodeError(f"{folder} isn't there: is the run's folder on a disk that this node shares?")
    found = files_sha256(folder, [name for name in code_files(folder) if name != CODE_FACTS])
    if found != sha256:
        raise UnfitNodeError(
            f"{folder} has hash {found[:12]}, expected {sha256[:12]}: somebody has changed it; "
            "move it away and queue again"
        )
    return f"{folder}, hash {sha256[:12]}"


def _imports(folder: Path) -> str:
    started = time.perf_counter()
    modules = [import_module(name) for name in IMPORTED]
    elsewhere = [module.__name__ for module in modules if not Path(str(module.__file__)).is_relative_to(folder)]
    if elsewhere:
        raise UnfitNodeError(
            f"{', '.join(elsewhere)} came from elsewhere than the snapshot; "
            "does a line in setup, the container or a sitecustomize change PYTHONPATH?"
        )
    import torch

    version = sys.version.split()[0]
    return f"all, in {time.perf_counter() - started:.1f} s; Python {version}, torch {torch.__version__}"


def _device(gpus: int) -> str:
    import torch

    cores = len(os.sched_getaffinity(0))
    if not gpus:
        return f"CPU, {cores} cores to run on"
    if not torch.cuda.is_available():
        raise UnfitNodeError(
            f"{gpus} GPUs were asked for and torch {torch.__version__} sees none: is it a CPU build, "
            "or does the container lack --nv?"
        )
    seen = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if len(seen) < gpus:
        raise UnfitNodeError(f"{gpus} GPUs were asked for, and {len(seen)} are seen: {', '.join(seen)}")
    torch.ones(8, device="cuda").sum().item()
    return ", ".join(seen)


def _plan(run: RunPaths, cells: tuple[str, ...]) -> str:
    from harness.data.verify import sockets_refused
    from harness.models import load_model
    from harness.tuning.settle import stored_cell

    with sockets_refused():
        planned = [stored_cell(run, cell) for cell in cells]
        plan = planned[0].plan
        load_model(plan.model.folder, precision=plan.training.precision, device="cpu")
    items = sum(len(suite.items) for _, suite in plan.suites)
    return f"model {plan.model.sha256[:12]}, {items:,} items of {len(plan.suites)} suites, with the network refused"


def _disk(run: RunPaths, name: str) -> str:
    path, content = run.probe(f"{name}-written"), {"host": socket.gethostname(), "name": name}
    import json

    write_json(path, content)
    if json.loads(path.read_text(encoding="utf-8")) != content:
        raise UnfitNodeError(f"{path}: what was written is not what is read back")
    path.unlink()
    free_gib = shutil.disk_usage(run.root).free / 2**30
    if free_gib < ROOM_GIB:
        raise UnfitNodeError(f"{run.root}: {free_gib:.1f} GiB are free; make room, checkpoints take more")
    return f"written and read back; {free_gib:,.0f} GiB free"
