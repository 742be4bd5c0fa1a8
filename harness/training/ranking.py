"""What is written down now and then: which answers to one prompt the strategy preferred, and the cosines it went by.

B rollouts, G rollouts of one prompt, T completion tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from harness.store.atomic import append_line
from harness.store.paths import CellPaths
from harness.store.ranked import read_paths
from harness.training.histogram import binned
from strategies import Rollouts, Shaped

LOOKS = 20
"""Steps that are looked at: the first one, and one for each such part of the budget."""
GROUPS = 2
"""Groups of a batch that are kept: those whose advantages the strategy moved most, the first of equals."""
TEXT_CHARACTERS = 400
"""Kept of a prompt or an answer."""
DIGITS = 6
"""Significant digits that are kept of a number, and that decide the order."""


@dataclass(kw_only=True)
class PathLog:
    """Writes the ranked paths of a cell as it trains; changes nothing of what it looks at."""

    paths: CellPaths
    attempt: int
    share: Callable[[], float]
    """() → share of the budget spent, 0..1."""
    step: Callable[[], int]
    """() → the optimizer step that is about to be taken."""
    watched: Callable[[], Mapping[str, Tensor]] = dict
    """() → the cosines that watches saw in the same rollouts."""
    allowed: Callable[[], None] = lambda: None
    """Raises if the attempt may not write any more."""
    _reached: int | None = None
    """The last part of the budget that was looked at; None before the first call."""

    def __call__(self, rollouts: Rollouts, advantages: Tensor, shaped: Shaped | None) -> None:
        """Write a line if a part of the budget has been reached since the last one.

        Args:
            rollouts: What is trained on.
            advantages: (B,) or (B, T) what the loss uses.
            shaped: What the strategy said of the rollouts.
        """
        step, share = self.step(), self.share()
        reached = _part_of(share)
        if self._reached is None:  # after a resume, go on from what still counts
            earlier = list(read_paths(self.paths).values())
            self._reached = _part_of(earlier[-1]["share"]) if earlier else -1
        if reached <= self._reached:
            return
        self._reached = reached
        line = {"attempt": self.attempt, "step": step, "share": share}
        self.allowed()
        seen = {**self.watched(), **({} if shaped is None else shaped.cosines)}
        if seen:
            append_line(self.paths.cosines, {**line, "cosines": {name: binned(found) for name, found in seen.items()}})
        append_line(self.paths.paths, {**line, **ranked_paths(rollouts, advantages, shaped)})


def ranked_paths(rollouts: Rollouts, advantages: Tensor, shaped: Shaped | None) -> dict[str, Any]:
    """Return the candidates of the groups that the strategy moved most, in the order in which it preferred them.

    It preferred those whose advantage it raised most over plain GRPO's (the bonus); the advantage, then the row,
    decides between equals. Advantages that differ from token to token count by their mean over the answer.
    """
    used = advantages if advantages.dim() == 1 else rollouts.token_mean(advantages)
    bonus = (used - rollouts.advantages).float()
    moved = [_number(total) or 0.0 for total in rollouts.grouped(bonus).abs().sum(dim=1).tolist()]
    chosen = sorted(range(len(moved)), key=lambda place: (-moved[place], place))[:GROUPS]
    said = {} if shaped is None else shaped.columns
    columns = {**said, "bonus": bonus, "advantage": used, "reward": rollouts.rewards}
    numbers = {name: [_number(value) for value in column.tolist()] for name, column in columns.items()}
    return {
        "groups_in_batch": len(moved),
        "groups": [_group(rollouts, numbers, place) for place in sorted(chosen)],
    }


def _group(rollouts: Rollouts, numbers: dict[str, list[float | None]], place: int) -> dict[str, Any]:
    first = place * rollouts.group_size
    rows = range(first, first + rollouts.group_size)
    bonus, advantage = numbers["bonus"], numbers["advantage"]
    order = sorted(rows, key=lambda row: (-(bonus[row] or 0.0), -(advantage[row] or 0.0), row))
    candidates = [
        {
            "rank": rank,
            "row": row,
            **{name: values[row] for name, values in numbers.items()},
            "prefix_tokens": rollouts.prefix_tokens[row] if rollouts.prefix_tokens else 0,
            **_capped("text", rollouts.completions[row]),
        }
        for rank, row in enumerate(order, start=1)
    ]
    return {**_capped("prompt", rollouts.prompts[first]), "candidates": candidates}


def _capped(name: str, text: str) -> dict[str, Any]:
    """Return the beginning of a text under `name`, and how many characters were left out."""
    return {name: text[:TEXT_CHARACTERS], "cut": max(0, len(text) - TEXT_CHARACTERS)}


def _number(value: float) -> float | None:
    """Return `value` with `DIGITS` digits; None, which JSON can say, for one that is not finite."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _part_of(share: float) -> int:
    return math.floor(share * LOOKS + 1e-9)
