"""One training run of a plan, and the identity that says when two are the same."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

FORMAT = 2
"""Raised when the same identity would no longer give the same result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One arm with one training seed. Evaluation is not part of what it is: it can be added or redone."""

    id: str
    arm: str
    seed: int
    identity: dict[str, Any]
    """All that changes the result of training; the id ends in its hash."""


def cell_for(arm: str, spec: dict[str, Any], seed: int, shared: dict[str, Any]) -> Cell:
    """Return the cell of an arm and a seed; the arm's name is no part of its identity."""
    identity = {"format": FORMAT, "strategy": spec, "seed": seed, **shared}
    slug = re.sub(r"[^A-Za-z0-9]+", "-", arm).strip("-")[:48]
    return Cell(id=f"{slug}-s{seed}-{digest(identity)[:12]}", arm=arm, seed=seed, identity=identity)


def digest(value: Any) -> str:
    """Return the SHA-256 of `value` as canonical JSON, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
