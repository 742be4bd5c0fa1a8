"""Sealed checkpoints: a folder that is whole, with the hash of each of its files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from harness.store.atomic import write_json
from harness.store.paths import CellPaths

SEAL = "seal.json"
MODEL_FILES = ("model", "config.json", "generation_config.json", "tokenizer", "chat_template")
"""How the names of the files begin that decide what a checkpoint writes."""


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def seal(scratch: Path, target: Path, facts: dict[str, Any]) -> None:
    """Hash every file of `scratch`, write the seal with `facts`, and move the folder to `target` in one step."""
    hashes = {}
    for path in sorted(p for p in scratch.rglob("*") if p.is_file()):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        hashes[str(path.relative_to(scratch))] = file_sha256(path)
    write_json(scratch / SEAL, {**facts, "files": hashes})
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    os.replace(scratch, target)


def read_seal(folder: Path) -> dict[str, Any]:
    """Return the facts that a checkpoint was sealed with."""
    facts: dict[str, Any] = json.loads((folder / SEAL).read_text(encoding="utf-8"))
    return facts


def damage(folder: Path) -> str | None:
    """Return what is wrong with a sealed checkpoint; None when every file is as it was sealed."""
    try:
        files = read_seal(folder)["files"]
    except (OSError, ValueError, KeyError) as error:
        return f"{SEAL} can't be read ({type(error).__name__})"
    for name, expected in files.items():
        path = folder / name
        if not path.exists():
            return f"{name} is missing"
        found = file_sha256(path)
        if found != expected:
            return f"{name} has {path.stat().st_size} bytes and hash {found[:12]}, sealed as {expected[:12]}"
    return None


def model_sha256(folder: Path) -> str:
    """Return a hash of the model's files in a sealed checkpoint as they were sealed; empty if it isn't sealed yet."""
    try:
        files = read_seal(folder)["files"]
    except (OSError, ValueError, KeyError):
        return ""
    model = {name: files[name] for name in sorted(files) if name.startswith(MODEL_FILES)}
    return hashlib.sha256(json.dumps(model).encode()).hexdigest()


def last_resumable(paths: CellPaths, reached: int) -> tuple[Path | None, list[str]]:
    """Return the newest intact state after checkpoint `reached` that an interrupted attempt left, and what was found.

    Those that can't be gone on from are deleted: training to there again gives the same.
    """
    notes: list[str] = []
    for folder in sorted(paths.resumable.glob("[0-9]*"), reverse=True):
        problem = damage(folder)
        if problem is None and int(read_seal(folder)["checkpoint"]) == reached:
            return folder, notes
        if problem is not None:
            notes.append(f"state at step {int(folder.name)} damaged: {problem}; went on from before it")
        shutil.rmtree(folder, ignore_errors=True)
    return None, notes


def drop_resumable(paths: CellPaths, but: Path | None = None) -> None:
    """Delete the states between checkpoints that a later one has made useless."""
    for folder in paths.resumable.glob("*"):
        if folder != but:
            shutil.rmtree(folder, ignore_errors=True)
    if but is None:
        shutil.rmtree(paths.resumable, ignore_errors=True)


def last_intact(paths: CellPaths) -> tuple[int, list[str]]:
    """Return the number of the newest intact checkpoint (0: none), setting damaged ones aside, and what was found."""
    notes: list[str] = []
    numbers = sorted((int(p.name) for p in paths.checkpoints.glob("[0-9]*") if p.name.isdigit()), reverse=True)
    for number in numbers:
        folder = paths.checkpoint(number)
        problem = damage(folder)
        if problem is None:
            return number, notes
        kept = set_aside(paths, number)
        notes.append(f"checkpoint damaged: {folder.name}: {problem}; kept as {kept.name}, went on from the one before")
    return 0, notes


def set_aside(paths: CellPaths, number: int) -> Path:
    """Rename a checkpoint and every later one out of the way, deleting nothing; return where it went."""
    later = sorted(int(p.name) for p in paths.checkpoints.glob("[0-9]*") if p.name.isdigit() and int(p.name) > number)
    kept = paths.checkpoint(number)
    for other in [*reversed(later), number]:
        folder = paths.checkpoint(other)
        kept = folder.with_name(f"{folder.name}.damaged-{len(list(paths.checkpoints.glob('*.damaged-*')))}")
        os.replace(folder, kept)
    return kept
