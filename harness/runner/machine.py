"""What this machine is, and what about it would make a run fail."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from harness.cores import cores
from harness.fingerprint import code_facts

LEAST_GIB = 2.0
"""Memory for one cell of the embedded model."""
ROOM_GIB = 5.0
"""Disk below which a run is likely not to end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Literal["ok", "caution", "problem"]
    what: str
    found: str


def ok(what: str, found: str) -> Finding:
    """Return a finding that nothing has to be done about."""
    return Finding(level="ok", what=what, found=found)


def caution(what: str, found: str) -> Finding:
    """Return a finding that somebody should know."""
    return Finding(level="caution", what=what, found=found)


def problem(what: str, found: str) -> Finding:
    """Return a finding that would make a run fail."""
    return Finding(level="problem", what=what, found=found)


def examine(runs: Path) -> Iterator[Finding]:
    """Yield what this machine has: Python, packages, cores, memory, devices, and the folder for runs."""
    yield ok("python", f"{platform.python_version()} at {sys.executable}")
    yield _packages()
    facts = code_facts(Path(__file__).resolve().parent.parent.parent)
    changes = " with uncommitted changes" if facts["dirty"] else ""
    yield ok("code", f"explorebench {_version('explorebench')}, commit {facts['commit'][:10]}{changes}")
    yield _memory()
    yield _devices()
    yield folder(runs)


def folder(path: Path) -> Finding:
    """Return whether a folder for runs can be written, and the room that there is."""
    place = next((one for one in (path, *path.absolute().parents) if one.exists()), path)
    trial = place / f".explorebench-{os.getpid()}"
    try:
        trial.write_bytes(b"")
        trial.unlink()
        free_gib = shutil.disk_usage(place).free / 2**30
    except OSError as error:
        return problem("runs", f"{place.absolute()} can't be written: {error.strerror}; choose another --runs")
    found = f"{path.absolute()} can be written, {free_gib:,.0f} GiB are free"
    return ok("runs", found) if free_gib >= ROOM_GIB else caution("runs", f"{found}: checkpoints may need more")


def _packages() -> Finding:
    wrong = []
    for text in requires("explorebench") or []:
        one = Requirement(text)
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        found = _version(one.name)
        if not one.specifier.contains(found, prereleases=True):
            wrong.append(f"{one.name} {found} (needs {one.specifier})")
    if wrong:
        return problem("packages", f"{', '.join(wrong)}; install them with: pip install -c constraints.txt -e .")
    named = ", ".join(f"{name} {_version(name)}" for name in ("torch", "transformers", "trl", "submitit"))
    return ok("packages", f"all there; {named}")


def _memory() -> Finding:
    import psutil  # type: ignore[import-untyped]  # as in harness/models/facts.py

    gib = psutil.virtual_memory().available / 2**30
    found = f"{cores()} cores, {gib:,.1f} GiB of memory available"
    return ok("machine", found) if gib >= LEAST_GIB else caution("machine", f"{found}: a cell takes some {LEAST_GIB:g}")


def _devices() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return ok("device", "CPU")
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return ok("device", ", ".join(names))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "0"
