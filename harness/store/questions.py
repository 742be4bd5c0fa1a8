"""What a run's items ask, kept beside its records: a reader of answers needs no suite, and none that is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from harness.store.atomic import write_json
from harness.store.paths import RunPaths

LONGEST = 8_000
"""Characters of a question that are kept."""


def write_questions(run: RunPaths, suite: str, sha256: str, questions: Mapping[str, str]) -> None:
    """Keep what a suite asks, by item, unless it is kept already."""
    path = run.questions(suite, sha256)
    if not path.exists():
        write_json(path, {item: text[:LONGEST] for item, text in questions.items()})


def read_questions(run: RunPaths, suite: str, sha256: str) -> dict[str, str]:
    """Return what a suite asks, by item; nothing where the run doesn't hold it."""
    try:
        found = json.loads(run.questions(suite, sha256).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(item): str(text) for item, text in found.items()}
