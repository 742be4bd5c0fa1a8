"""The code that jobs run from: a copy in the run's folder, so that an edit changes no job that is queued.

It holds our packages as they are on disk, uncommitted changes among them, under the hash of their files. Another
state of the code gets a folder of its own beside it; jobs of the first go on from the first.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import harness
from harness.fingerprint import CODE_FACTS, code_facts
from harness.plan.cells import digest
from harness.store.atomic import write_json
from harness.store.paths import RunPaths
from harness.store.seal import file_sha256

PACKAGES = ("harness", "reports", "slurm", "strategies", "suites")


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeSnapshot:
    """A copy of the code."""

    folder: Path
    sha256: str
    commit: str
    """Of the checkout that it was copied from; unknown without one."""
    dirty: bool
    """Whether that had changes that were not committed."""
    environment: str
    """Hash of the record of Python and its packages."""

    def line(self) -> str:
        """Say what it is in one line."""
        changes = " with uncommitted changes" if self.dirty else ""
        origin = "installed packages" if self.commit == "unknown" else f"commit {self.commit[:10]}{changes}"
        return f"code: {self.folder} ({origin})"


def take_snapshot(run: RunPaths, root: Path | None = None) -> CodeSnapshot:
    """Copy the code into the run's folder, unless that very code is there, and return the copy.

    Args:
        run: The run.
        root: Where the packages are; of this process by default.
    """
    root = root or code_root()
    files = list(code_files(root))
    sha256 = files_sha256(root, files)
    folder, facts = run.code(sha256), code_facts(root)
    commit, dirty = str(facts["commit"]), bool(facts["dirty"])
    if not (folder / CODE_FACTS).exists():
        _copy(root, files, folder, {"code": sha256, "commit": commit, "dirty": dirty})
    environment = record_environment(run)
    return CodeSnapshot(folder=folder.absolute(), sha256=sha256, commit=commit, dirty=dirty, environment=environment)


def code_root() -> Path:
    """Return the folder that our packages are in."""
    return Path(harness.__file__).resolve().parent.parent


def code_files(root: Path) -> Iterator[str]:
    """Yield the files of our packages relative to `root`, sorted; in a checkout, without what git ignores."""
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
        listed = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, check=True).stdout
        names = {name for name in listed.split("\0") if name and (root / name).is_file()}
    else:
        found = (path for package in PACKAGES for path in (root / package).rglob("*") if path.is_file())
        names = {path.relative_to(root).as_posix() for path in found if "__pycache__" not in path.parts}
    yield from sorted(names)


def files_sha256(root: Path, files: list[str]) -> str:
    """Return a hash of files and their names."""
    found = hashlib.sha256()
    for name in files:
        found.update(f"{name}\0{file_sha256(root / name)}\n".encode())
    return found.hexdigest()


def record_environment(run: RunPaths) -> str:
    """Write down this Python and its packages, and return the hash of that."""
    packages = sorted({f"{one.metadata['Name']}=={one.version}" for one in distributions() if one.metadata["Name"]})
    facts = {"python": platform.python_version(), "executable": sys.executable, "packages": packages}
    sha256 = digest(facts)
    if not run.environment(sha256).exists():
        write_json(run.environment(sha256), facts)
    return sha256


def _copy(root: Path, files: list[str], folder: Path, facts: dict[str, object]) -> None:
    """Make the folder whole in one step; of two who make it at once, one succeeds, and its copy is the other's too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name in files:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, partial / name)
        write_json(partial / CODE_FACTS, facts)
        partial.chmod(0o755)
        try:
            os.replace(partial, folder)
        except OSError:
            if not (folder / CODE_FACTS).exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
