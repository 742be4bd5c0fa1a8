"""The model that a plan starts from, pinned by the hash of its files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from harness.models import resolve_model
from harness.store.seal import file_sha256

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""Weights, configuration and tokenizer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedModel:
    """A model's name in the plan, the folder it is loaded from, and what that folder holds."""

    name: str
    folder: Path
    sha256: str


def pin_model(name: str) -> PinnedModel:
    """Find the model called `name`, bringing it to the local cache if it is on the hub, and hash it.

    Raises:
        ValueError: If it isn't there, or the hub is needed and can't be reached.
    """
    found = resolve_model(name)
    folder = Path(found) if Path(found).is_dir() else _from_hub(found)
    return PinnedModel(name=name, folder=folder, sha256=folder_sha256(folder))


def folder_sha256(folder: Path) -> str:
    """Return a hash of what a model's folder holds: its weights, configuration and tokenizer."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in PATTERNS for path in folder.glob(pattern)}):
        digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(PATTERNS)))
    except Exception as error:
        raise ValueError(f"model {name!r}: can't be fetched from the hub: {type(error).__name__}: {error}") from error
