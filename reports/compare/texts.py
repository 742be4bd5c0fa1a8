"""The items that were gained and lost, with what each side answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.compare.compared import OnSuite
from reports.compare.sides import Side


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One answer to an item."""

    right: bool
    text: str | None
    """None where it was not kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemPair:
    """One item that the sides did differently on."""

    name: str
    question: str | None
    """None where neither run holds it."""
    right: tuple[str, str]
    """Right answers of those drawn, of A and B, over all seeds."""
    certain: bool
    """Whether the difference is more than the noise of the answers."""
    answers: tuple[tuple[Answered, ...], tuple[Answered, ...]]
    """Of the first pair of seeds: A's and B's."""


def item_pairs(a: Side, b: Side, found: OnSuite, places: Sequence[int]) -> list[ItemPair]:
    """Return the items at `places` of the changes, with the answers of the first pair of seeds."""
    names = [found.items[place] for place in places]
    ours = _texts(a, found.seeds[0][0], found.suite, names)
    theirs = _texts(b, found.seeds[0][1], found.suite, names)
    questions = {**b.run.questions(found.suite), **a.run.questions(found.suite)} if names else {}
    return [
        ItemPair(
            name=name,
            question=questions.get(name),
            right=(
                f"{found.right[0][place]} of {found.drawn[0]}",
                f"{found.right[1][place]} of {found.drawn[1]}",
            ),
            certain=place in found.changes.certain,
            answers=(ours[name], theirs[name]),
        )
        for place, name in zip(places, names, strict=True)
    ]


def _texts(side: Side, seed: int, suite: str, names: list[str]) -> dict[str, tuple[Answered, ...]]:
    if not names:
        return {}
    checkpoint = next(iter(side.at.of(side.arm, seed)))
    rows = side.run.items.texts(side.arm, seed, checkpoint, suite, set(names))
    return {
        name: tuple(
            Answered(right=bool(right), text=text) for right, text in zip(row["grades"], row["texts"], strict=True)
        )
        for name, row in rows.items()
    }
