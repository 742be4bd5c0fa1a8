"""Rollouts of one prompt as they come from generation, and batches put together from several generations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rollouts of one prompt."""

    rows: list[dict[str, Any]]
    """The prompt's row in the pool, once for each rollout."""
    prompt_ids: list[list[int]]
    completion_ids: list[list[int]]
    completions: list[Any]
    """Texts, that of a prefix included."""
    logprobs: list[Any] | None
    """What an outside sampler says of each token; None where the policy itself sampled."""
    rewards: Tensor
    """(G, 1), as TRL's reward functions give them."""
    answers: list[str | None]
    hidden: Tensor | None
    """(G, T, D) hidden states kept while generating."""
    prefix_tokens: list[int]
    """Tokens at the end of each prompt that are the prefix of an answer."""
    fresh: int | None = None
    """The first rollouts, those that started at the prompt, where others went on from a prefix."""

    def with_more(self, other: Group) -> Group:
        """Return the rollouts of both, these first."""
        columns: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name == "fresh":
                columns[field.name] = len(self.rows)
            elif mine is None or theirs is None:
                columns[field.name] = None
            elif field.name == "hidden":
                columns[field.name] = _stacked([mine, theirs])
            else:
                columns[field.name] = torch.cat([mine, theirs]) if isinstance(mine, Tensor) else mine + theirs
        return Group(**columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """A batch of groups, ready to be scored."""

    groups: Sequence[Group]

    def column(self, name: str) -> list[Any]:
        """Return one field of all rollouts, in order."""
        return [value for group in self.groups for value in getattr(group, name)]

    def own(self, name: str, places: Sequence[int]) -> list[Any]:
        """Return one field of the rollouts at `places`."""
        column = self.column(name)
        return [column[place] for place in places]

    def lengths(self, name: str) -> list[int]:
        """Return the lengths of one field of all rollouts, in order."""
        return [len(value) for value in self.column(name)]

    def length_statistics(self, ends: set[int]) -> dict[str, float]:
        """Return TRL's numbers about completions: their mean length, and the share that ends in none of `ends`."""
        completions = self.column("completion_ids")
        truncated = [ids[-1] not in ends for ids in completions]
        return {
            "completions/mean_length": sum(map(len, completions)) / len(completions),
            "completions/clipped_ratio": sum(truncated) / len(truncated),
        }

    def generation(self, places: Sequence[int]) -> tuple[Any, ...]:
        """Return what TRL's `_generate` does of the rollouts at `places`: ids, completions, log-probabilities."""
        logprobs = None if self.groups[0].logprobs is None else self.own("logprobs", places)
        ids, completion_ids = self.own("prompt_ids", places), self.own("completion_ids", places)
        return ids, completion_ids, None, self.own("completions", places), logprobs, {}, None, []

    @property
    def rewards(self) -> Tensor:
        """(B, 1) the verifier's rewards."""
        return torch.cat([group.rewards for group in self.groups])

    @property
    def hidden(self) -> Tensor | None:
        """(B, T, D) hidden states, zero-padded on the right; None where none were kept."""
        parts = [group.hidden for group in self.groups if group.hidden is not None]
        if len(parts) < len(self.groups):
            return None
        return _stacked(parts)


def _stacked(parts: list[Tensor]) -> Tensor:
    longest = max(part.shape[1] for part in parts)
    return torch.cat([nn.functional.pad(part, (0, 0, 0, longest - part.shape[1])) for part in parts])


def split(samples: dict[str, Any], group_size: int) -> list[Group]:
    """Return the groups of one generation, whose columns are given in the order of its rows."""
    count = len(samples["rows"])

    def part(name: str, start: int) -> Any:
        column = samples[name]
        return None if column is None else column[start : start + group_size]

    return [Group(**{name: part(name, start) for name in samples}) for start in range(0, count, group_size)]
