"""One of two things that are compared, as it is written: RUN, RUN:ARM or RUN:ARM@CHECKPOINT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.paths import RunPaths
from harness.store.status import read_resolved
from reports.comparison import default_reading
from reports.errors import ReportError
from reports.read import Run, read_run
from reports.read.plan import BASE_ARM
from reports.reading import Reading, at_checkpoint

UNLIKE = ("model", "task", "budget", "checkpoints", "training", "evaluation", "compare_at", "verdicts")
"""Fields of a resolved plan in which two sides may differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """An arm of a run, read somewhere."""

    run: Run
    arm: str
    at: Reading
    settings: Mapping[str, Any]
    """All that decides it, by dotted name."""

    @property
    def name(self) -> str:
        """What to call it."""
        return f"{self.run.plan.name}: {self.arm} {self.at.words}"

    def has(self, seed: int, suite: str) -> bool:
        """Return whether a seed was evaluated on a suite."""
        weights = self.at.of(self.arm, seed)
        found = [self.run.scored(self.arm, seed, number, suite, "score") is not None for number in weights]
        return bool(found) and all(found)


def read_side(text: str) -> Side:
    """Return the side that is written as RUN[:ARM[@CHECKPOINT]].

    The arm may be left out where the run has one trained arm only; without a checkpoint it is read where its plan
    compares.

    Raises:
        ReportError: If there is no such run, arm or checkpoint.
    """
    root, arm, checkpoint = _split(text)
    run = read_run(root)
    if arm is None:
        arms = run.plan.trained_arms or (BASE_ARM,)
        if len(arms) > 1:
            raise ReportError(f"{text}: has several arms; write {root}:ARM, one of {', '.join(run.plan.arms)}")
        arm = arms[0]
    if arm not in run.plan.arms:
        raise ReportError(f"{text}: there is no arm {arm!r} in {root}; there are {', '.join(run.plan.arms)}")
    if checkpoint is not None and not 0 <= checkpoint <= run.plan.checkpoints:
        raise ReportError(f"{text}: there is no checkpoint {checkpoint}; there are 0 to {run.plan.checkpoints}")
    at = default_reading(run) if checkpoint is None else at_checkpoint(run, checkpoint)
    return Side(run=run, arm=arm, at=at, settings=dict(_settings(root, run, arm)))


def _split(text: str) -> tuple[Path, str | None, int | None]:
    if Path(text).is_dir() or ":" not in text:
        return Path(text), None, None
    root, _, rest = text.rpartition(":")
    arm, mark, number = rest.rpartition("@")
    if not mark:
        return Path(root), rest, None
    if not number.isdigit():
        raise ReportError(f"{text}: expected the number of a checkpoint after @, got {number!r}")
    return Path(root), arm, int(number)


def _settings(root: Path, run: Run, arm: str) -> Iterator[tuple[str, Any]]:
    raw = read_resolved(RunPaths(root))
    for name in UNLIKE:
        yield from _flat(name, raw.get(name))
    own = next(one for one in raw["arms"] if one["name"] == arm)
    yield from _flat("arm.strategy", own.get("strategy"))
    yield from _flat("arm.learning_rate", own.get("learning_rate"))
    prints = [cell.fingerprint for cell in run.cells if cell.arm == arm and cell.fingerprint]
    yield from _flat("fingerprint", prints[0] if prints else None)


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    else:
        yield name, value
