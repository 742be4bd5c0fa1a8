"""The copy of the code that jobs run from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.fingerprint import CODE_FACTS, code_facts
from harness.store.paths import RunPaths
from slurm.code import PACKAGES, code_files, code_root, files_sha256, take_snapshot


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for package in PACKAGES:
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").write_text(f'NAME = "{package}"\n')
    (root / ".gitignore").write_text("*.log\n")
    (root / "tests").mkdir()
    (root / "tests" / "test_one.py").write_text("")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


def test_a_snapshot_holds_the_packages_as_they_are_on_disk(checkout: Path, tmp_path: Path) -> None:
    run = RunPaths(tmp_path / "run")
    clean = take_snapshot(run, checkout)
    assert (clean.commit, clean.dirty) == (git(checkout, "rev-parse", "HEAD"), False)
    (checkout / "suites" / "new.py").write_text("x = 1\n")
    (checkout / "suites" / "noise.log").write_text("ignored")
    (checkout / "harness" / "__init__.py").write_text("changed = True\n")
    (checkout / "reports" / "__init__.py").unlink()
    dirty = take_snapshot(run, checkout)
    assert dirty.dirty
    assert dirty.folder != clean.folder
    assert (dirty.folder / "harness" / "__init__.py").read_text() == "changed = True\n"
    assert (clean.folder / "harness" / "__init__.py").read_text() == 'NAME = "harness"\n', "the old one is left alone"
    held = {path.relative_to(dirty.folder).as_posix() for path in dirty.folder.rglob("*") if path.is_file()}
    assert held == {"harness/__init__.py", "slurm/__init__.py", "strategies/__init__.py", "suites/__init__.py",
                    "suites/new.py", CODE_FACTS}  # fmt: skip
    assert code_facts(dirty.folder) == {"commit": clean.commit, "dirty": True, "code": dirty.sha256}


def test_the_same_code_is_the_same_snapshot(checkout: Path, tmp_path: Path) -> None:
    run = RunPaths(tmp_path / "run")
    first = take_snapshot(run, checkout)
    marker = first.folder / "harness" / "__pycache__"
    marker.mkdir()
    (marker / "x.pyc").write_bytes(b"")
    again = take_snapshot(run, checkout)
    assert again == first
    assert marker.exists(), "not made anew"
    assert files_sha256(first.folder, [f for f in code_files(first.folder) if f != CODE_FACTS]) == first.sha256
    copied = take_snapshot(RunPaths(tmp_path / "other"), first.folder)
    assert (copied.sha256, copied.commit) == (first.sha256, first.commit), "a job that queues more takes its own code"


def test_installed_packages_are_copied_without_git(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".git").rename(tmp_path / "elsewhere")
    found = take_snapshot(RunPaths(tmp_path / "run"), checkout)
    assert found.commit == "unknown"
    assert "installed packages" in found.line()
    assert (found.folder / "slurm" / "__init__.py").exists()


def test_python_and_its_packages_are_written_down(checkout: Path, tmp_path: Path) -> None:
    run = RunPaths(tmp_path / "run")
    facts = json.loads(run.environment(take_snapshot(run, checkout).environment).read_text())
    assert facts["executable"] == sys.executable
    assert any(package.startswith("pydantic==") for package in facts["packages"])


def test_this_code_runs_from_its_snapshot(tmp_path: Path) -> None:
    found = take_snapshot(RunPaths(tmp_path / "run"))
    assert set(code_files(code_root())) == set(code_files(found.folder)) - {CODE_FACTS}
    done = subprocess.run(
        [sys.executable, "-c", "import harness.plan.resolve, suites; print(harness.__file__, suites.__file__)"],
        env={"PYTHONPATH": str(found.folder), "PYTHONSAFEPATH": "1"},
        cwd=code_root(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [f"{found.folder}/{name}/__init__.py" for name in ("harness", "suites")]
