"""The version of a run's files: written into the resolved plan, and looked at by everybody who reads a run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.errors import StoreError

FORMAT = 1
"""Raised when a run's files can no longer be read, or gone on with, as before."""


def written_here() -> dict[str, Any]:
    """Return what a resolved plan says of who wrote it: the format of the run's files, and the version of the code."""
    return {"format": FORMAT, "explorebench": _code()}


def require_readable(resolved: Mapping[str, Any], path: Path) -> None:
    """Refuse a run whose files another version of the code wrote in another way.

    Args:
        resolved: The resolved plan.
        path: Its file.

    Raises:
        StoreError: If its format is older, newer or not said.
    """
    found = resolved.get("format")
    if found == FORMAT:
        return
    got = "no format, so an older version wrote it" if found is None else f"format {found!r}"
    wrote = resolved.get("explorebench")
    by = f" (written by explorebench {wrote})" if isinstance(wrote, str) else ""
    theirs = f"explorebench {wrote}" if by else "the explorebench that wrote it"
    raise StoreError(
        f"{path}: has {got}{by}, and this is explorebench {_code()}, which reads format {FORMAT}: read and go on with "
        f"the run with {theirs}, or queue its plan anew into another folder (explorebench queue "
        f"{path.with_name('plan.yaml')} --runs ANOTHER)"
    )


def _code() -> str:
    try:
        return version("explorebench")
    except PackageNotFoundError:  # run from its source
        return "unknown"
