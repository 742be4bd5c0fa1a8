"""What a page of answers was made from: one that stands there, made from the same, is not made again."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from reports.findings import Findings
from reports.read.plan import BASE_ARM

HEAD = 1_000
"""Characters at the beginning of a page in which its source stands."""


def source_of(found: Findings, arm: str, items: int) -> str:
    """Return a hash of all that the page of an arm's answers is made from: records, plan, and the code that makes it.

    How unfinished the run is has a place of its own on the page, and is not in it.

    Args:
        found: Of the run.
        arm: A trained arm.
        items: Lost and gained, of each suite and reference.
    """
    plan = found.run.plan
    records = [(one.path, one.sha256) for one in found.manifest if one.arm in (BASE_ARM, plan.baseline, arm)]
    facts = {"records": records, "plan": repr(plan), "arm": arm, "items": items}
    facts |= {"at": found.at.words, "code": _code()}
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def standing_page(path: Path, source: str) -> str | None:
    """Return the page that is there if it was made from `source`."""
    try:
        page = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return page if f'content="{source}"' in page[:HEAD] else None


@cache
def _code() -> str:
    return _hashed(files("reports"))


def _hashed(folder: Traversable) -> str:
    inside = sorted(folder.iterdir(), key=lambda one: one.name)
    found = [_hashed(one) for one in inside if one.is_dir() and one.name != "__pycache__"]
    found += [hashlib.sha256(one.read_bytes()).hexdigest() for one in inside if one.is_file()]
    return hashlib.sha256("".join(found).encode()).hexdigest()
