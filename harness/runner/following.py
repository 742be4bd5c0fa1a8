"""What is new in a run since the last look: each file is read on from where the last look ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.store.paths import CellPaths, RunPaths
from harness.store.schema import SUMMARY_KEY
from harness.store.status import CellStatus, cell_status, read_resolved

Refine = Callable[[list[CellStatus]], tuple[list[CellStatus], list[str]]]
FINAL = ("done",)
"""States that are not looked at again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """Something worth a line: a reset, a note, an alarm, a failure."""

    arm: str
    seed: int
    step: int
    words: str


@dataclass(kw_only=True)
class Followed:
    """One cell."""

    status: CellStatus
    rewards: dict[int, float] = field(default_factory=dict)
    """By step; a step that was taken again counts once."""
    scores: dict[int, float] = field(default_factory=dict)
    """Primary score, 0..1, by checkpoint."""
    happenings: list[Happening] = field(default_factory=list)
    _read_to: int = 0
    _alarms: set[str] = field(default_factory=set)

    def read_on(self, paths: CellPaths) -> None:
        """Take in the step lines that were written since."""
        for line in _new_lines(paths.train, self._read_to):
            step, reward = line.get("step", 0), line.get("reward")
            if not isinstance(step, int):
                continue
            if isinstance(reward, int | float):
                self.rewards[step] = float(reward)
            self.happenings += [self._happening(step, words) for words in self._told(line)]
        self._read_to = _whole_to(paths.train, self._read_to)

    def _told(self, line: dict[str, Any]) -> Iterator[str]:
        for event in _objects(line.get("events")):
            yield f"{event.get('kind', 'event')}: {event.get('cause', 'cause unknown')}"
        watches = line.get("watch")
        for name, said in watches.items() if isinstance(watches, dict) else ():
            if not isinstance(said, dict):
                continue
            if said.get("alarm") and name not in self._alarms:
                yield f"{name} alarms: {said.get('because') or 'no evidence given'}"
            (self._alarms.add if said.get("alarm") else self._alarms.discard)(name)

    def _happening(self, step: int, words: str) -> Happening:
        return Happening(arm=self.status.arm, seed=self.status.seed, step=step, words=words)


@dataclass(kw_only=True)
class Following:
    """A run that is looked at again and again."""

    run: RunPaths
    cells: dict[str, Followed] = field(default_factory=dict)
    primary: tuple[str, ...] = ()
    name: str = ""
    refine: Refine | None = None
    """Adds to what the files say what a scheduler knows."""
    notes: list[str] = field(default_factory=list)
    """What a reader should know about the states."""

    @classmethod
    def of(cls, run: RunPaths, refine: Refine | None = None) -> Following:
        """Return a run that hasn't been looked at.

        Raises:
            StoreError: If the folder isn't a run.
        """
        resolved = read_resolved(run)
        primary = tuple(str(suite["name"]) for suite in resolved["suites"] if suite["primary"])
        return cls(run=run, primary=primary, name=str(resolved["name"]), refine=refine)

    def look(self) -> list[Followed]:
        """Return all cells as they are now, trials first."""
        for status in self._statuses():
            known, paths = self.cells.get(status.id), self.run.cell(status.id)
            if known is None:
                known = self.cells[status.id] = Followed(status=status)
            if status.cause and status.cause != known.status.cause:
                step = status.last_step.get("step", 0)
                known.happenings.append(
                    Happening(arm=status.arm, seed=status.seed, step=step, words=f"{status.state}: {status.cause}")
                )
            known.status = status
            known.read_on(paths)
            self._read_scores(known, paths)
        return list(self.cells.values())

    def _statuses(self) -> list[CellStatus]:
        """Return how the cells stand that may have changed, trials first."""
        resolved, statuses = read_resolved(self.run), []
        for cell in [*resolved.get("trials", []), *resolved["cells"]]:
            known = self.cells.get(cell["id"])
            if known is None or known.status.state not in FINAL:
                paths = self.run.cell(cell["id"])
                statuses.append(cell_status(paths, cell["id"], cell["arm"], cell["seed"]))
        if self.refine is not None:
            statuses, self.notes = self.refine(statuses)
        return statuses

    def _read_scores(self, known: Followed, paths: CellPaths) -> None:
        if not paths.records.is_dir():
            return
        for path in paths.records.glob(f"*-{self.primary[0]}.parquet"):
            checkpoint = int(path.name[:4])
            files = [paths.record(checkpoint, suite) for suite in self.primary]
            if checkpoint not in known.scores and all(file.exists() for file in files):
                shares = [_share_right(file) for file in files]
                if all(share is not None for share in shares):
                    known.scores[checkpoint] = sum(share or 0.0 for share in shares) / len(shares)


def _share_right(path: Path) -> float | None:
    """Return the share of right answers of a file of records, from its header; None if it can't be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = json.loads((pq.read_metadata(path).metadata or {})[SUMMARY_KEY])
        drawn = sum(samples * items for _, samples, items in found["correct"])
        return sum(right * items for right, _, items in found["correct"]) / drawn if drawn else None
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None


def _objects(found: Any) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _new_lines(path: Path, start: int) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a file from `start` on that are JSON objects."""
    if not path.exists() or path.stat().st_size <= start:
        return
    with path.open("rb") as stream:
        stream.seek(start)
        data = stream.read()
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            found = json.loads(line)
        except ValueError:  # its writer was killed
            continue
        if isinstance(found, dict):
            yield found


def _whole_to(path: Path, start: int) -> int:
    """Return where the last whole line of a file ends."""
    if not path.exists():
        return start
    with path.open("rb") as stream:
        stream.seek(start)
        return start + stream.read().rfind(b"\n") + 1
