"""The items that an arm gained and lost, with what was answered before training, by the baseline, and by the arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports.findings import Findings
from reports.read.plan import BASE_ARM
from reports.verdicts.regressions import PREVIOUS, Regression

LONGEST = 4_000
"""Characters of an answer that are shown; what is beyond is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One answer of a model."""

    right: bool
    text: str | None
    """None where it was not kept."""
    more: int
    """Characters that are left out at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one model answered to an item."""

    who: str
    answers: tuple[Answer, ...]

    @property
    def right(self) -> int:
        """How many of them are right."""
        return sum(answer.right for answer in self.answers)

    @property
    def kept(self) -> tuple[Answer, ...]:
        """All of them, unless no text was kept."""
        return self.answers if any(answer.text is not None for answer in self.answers) else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """One item that an arm does differently on."""

    item: str
    suite: str
    word: str
    """"gained" or "lost"."""
    against: str
    """"the untrained model", or the baseline's name."""
    certain: bool
    """Whether the change is more than the noise of the answers."""
    seed: int
    """Of the answers that are shown; the change is over all seeds."""
    question: str | None
    """None where the run doesn't hold it."""
    sides: tuple[Side, ...]


@dataclass
class Gallery:
    """Finds changed items with their answers; each record is read once."""

    found: Findings
    _texts: dict[tuple[str, int, str], Mapping[str, Any]] = field(default_factory=dict)

    def of(self, arm: str, most: int) -> list[Changed]:
        """Return the items that an arm gained and lost, largest change first.

        Args:
            arm: A trained arm.
            most: Items lost, and items gained, of each suite and reference.
        """
        rows = [
            row
            for row in self.found.beside.regressions
            if row.arm == arm and row.reference != PREVIOUS and row.changes is not None
        ]
        return [changed for row in rows for changed in self._changed(row, most)]

    def _changed(self, row: Regression, most: int) -> Iterator[Changed]:
        if row.changes is None or (seed := self._seed(row)) is None:
            return
        places = [("lost", place) for place in row.changes.lost[:most]]
        places += [("gained", place) for place in row.changes.gained[:most]]
        names = [row.items[place] for _, place in places]
        references = (BASE_ARM, self.found.run.plan.baseline)
        sides = dict.fromkeys((*references, row.arm))
        texts = {who: self._read(who, seed, row.suite, None if who in references else names) for who in sides}
        questions = self.found.run.questions(row.suite)
        for word, place in places:
            item = row.items[place]
            yield Changed(
                item=item,
                suite=row.suite,
                word=word,
                against="the untrained model" if row.reference == BASE_ARM else row.reference,
                certain=place in row.changes.certain,
                seed=seed,
                question=questions.get(item),
                sides=tuple(
                    Side(who="untrained" if who == BASE_ARM else who, answers=_answers(texts[who][item]))
                    for who in sides
                    if item in texts[who]
                ),
            )

    def _seed(self, row: Regression) -> int | None:
        """Return the first seed that the arm and its reference have both."""
        for seed in self.found.run.plan.seeds:
            if all(self._has(who, seed, row.suite) for who in (row.arm, row.reference)):
                return seed
        return None

    def _has(self, arm: str, seed: int, suite: str) -> bool:
        weights = self.found.at.of(arm, seed)
        if len(weights) != 1:
            return False
        return self.found.run.scored(arm, seed, next(iter(weights)), suite, "score") is not None

    def _read(self, arm: str, seed: int, suite: str, items: Sequence[str] | None) -> Mapping[str, Any]:
        """Return what was answered to some items; to all where None are named, as of what every arm stands against."""
        if not self._has(arm, seed, suite):
            return {}
        key = (arm, seed, suite)
        if key not in self._texts or (items is not None and not set(items) <= set(self._texts[key])):
            checkpoint = next(iter(self.found.at.of(arm, seed)))
            asked = None if items is None else set(items)
            known = self._texts.get(key, {})
            self._texts[key] = {**known, **self.found.run.items.texts(arm, seed, checkpoint, suite, asked)}
        return self._texts[key]


def _answers(row: Mapping[str, Any]) -> tuple[Answer, ...]:
    return tuple(
        Answer(
            right=bool(right),
            text=None if text is None else text[:LONGEST],
            more=0 if text is None else max(len(text) - LONGEST, 0),
        )
        for right, text in zip(row["grades"], row["texts"], strict=True)
    )
