"""Answers on disk while an evaluation is under way: written batch by batch, so that a kill loses one batch at most.

The folder belongs to one key: weights, suite, settings and engine. Found under another key, what is in it is deleted;
nothing is ever served across a change.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.evaluation.engines.contract import Completion, Request
from harness.ledger.flops import attended_cached, attended_whole, tokens_decoded
from harness.store.atomic import write_json


class Place(NamedTuple):
    """Where a line of answers is."""

    file: Path
    offset: int


@dataclass(kw_only=True)
class Answers:
    """The answers of one item from one batch."""

    item: str
    first: int
    """Index of its first sample."""
    completions: list[Completion]


@dataclass(kw_only=True)
class Effort:
    """What generating took so far, over all attempts."""

    prompt_tokens: int = 0
    """Prompt tokens that were read; the samples of an item in one batch share one reading."""
    generated_tokens: int = 0
    forward_tokens: int = 0
    """Tokens that went through the layers."""
    attended: int = 0
    """Keys that these were compared with."""
    seconds: float = 0.0
    """That generating held the engine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Permit:
    """What is asked while answers are made and kept; either may raise to end it there."""

    pause: Callable[[], None] = lambda: None
    """Before a batch is answered."""
    write: Callable[[], None] = lambda: None
    """Before anything is written or deleted."""


FREE = Permit()


@dataclass(kw_only=True)
class AnswerStore:
    """Answers to one suite by one model, in any number of line files: one for each process that writes."""

    folder: Path
    permit: Permit = FREE
    effort: Effort = field(default_factory=Effort)
    _places: dict[tuple[str, int], Place] = field(default_factory=dict)
    """By item and first sample."""

    @classmethod
    def opened(cls, folder: Path, key: Any, permit: Permit = FREE) -> AnswerStore:
        """Return the store in `folder` with what has been answered under `key`; answers under another are deleted."""
        permit.write()
        path = folder / "key.json"
        try:
            same = json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(key))
        except (OSError, ValueError):
            same = False
        if not same:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            write_json(path, key)
        store = cls(folder=folder, permit=permit)
        store.refresh()
        return store

    def refresh(self) -> None:
        """Look again at what has been written, by whichever process."""
        self._places.clear()
        self.effort = Effort()
        for file in sorted(self.folder.glob("*.jsonl")):
            for place, row in _lines(file):
                self._note(place, row)

    def has(self, batch: Sequence[Request]) -> bool:
        """Tell whether every request of a batch has its answer."""
        return all((item, first) in self._places for item, first in _firsts(batch))

    def add(self, writer: str, batch: Sequence[Request], completions: Sequence[Completion], seconds: float) -> None:
        """Write the answers of a batch; when this returns they are on the disk.

        Args:
            writer: Names the file; no two processes may share one.
            batch: The requests.
            completions: Their answers.
            seconds: What generating them took.
        """
        self.permit.write()
        file = self.folder / f"{writer}.jsonl"
        rows, prompt_tokens = [], {request.item: len(request.ids) for request in batch}
        for item, first in _firsts(batch):
            own = [done for request, done in zip(batch, completions, strict=True) if request.item == item]
            rows.append(
                {
                    "item": item,
                    "first": first,
                    "answers": [[done.text, done.tokens, done.truncated] for done in own],
                    "prompt_tokens": prompt_tokens[item],
                    "seconds": seconds / len(prompt_tokens),
                }
            )
        for place, row in zip(_append(file, rows), rows, strict=True):
            self._note(place, row)

    def in_order(self, items: Sequence[str]) -> Iterator[tuple[str, list[Completion]]]:
        """Yield each item with its answers; one item at a time is in memory."""
        by_item: dict[str, list[tuple[int, Place]]] = {}
        for (item, first), place in self._places.items():
            by_item.setdefault(item, []).append((first, place))
        for item in items:
            yield item, [done for _, place in sorted(by_item[item]) for done in _read(place)]

    def drop(self) -> None:
        """Delete all of it: the records are written."""
        self.permit.write()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _note(self, place: Place, row: dict[str, Any]) -> None:
        self._places[row["item"], row["first"]] = place
        effort, prompt = self.effort, row["prompt_tokens"]
        lengths = [tokens for _, tokens, _ in row["answers"]]
        effort.prompt_tokens += prompt
        effort.generated_tokens += sum(lengths)
        effort.forward_tokens += prompt + tokens_decoded(lengths)
        effort.attended += attended_whole([prompt]) + attended_cached([prompt] * len(lengths), lengths)
        effort.seconds += row["seconds"]


def _firsts(batch: Sequence[Request]) -> list[tuple[str, int]]:
    """Return each item of a batch with the index of its first sample there."""
    first: dict[str, int] = {}
    for request in batch:
        first.setdefault(request.item, request.sample)
    return list(first.items())


def _append(file: Path, rows: Sequence[dict[str, Any]]) -> list[Place]:
    with file.open("ab+") as stream:
        end = stream.seek(0, os.SEEK_END)
        if end:  # a line that a killed writer left half-written is closed off
            stream.seek(end - 1)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
                end += 1
        places, data = [], bytearray()
        for row in rows:
            places.append(Place(file, end + len(data)))
            data += json.dumps(row).encode() + b"\n"
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    return places


def _lines(file: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    offset = 0
    with file.open("rb") as stream:
        for line in stream:
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if row is not None and line.endswith(b"\n"):
                yield Place(file, offset), row
            offset += len(line)


def _read(place: Place) -> list[Completion]:
    with place.file.open("rb") as stream:
        stream.seek(place.offset)
        row = json.loads(stream.readline())
    return [Completion(text=text, tokens=tokens, truncated=cut) for text, tokens, cut in row["answers"]]
