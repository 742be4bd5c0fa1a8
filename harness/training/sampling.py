"""How a batch of rollouts comes about: sampled once, sampled until it is full, or sampled only to look at rewards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.ledger.ledger import Phase
from harness.training.meter import StepMeter
from harness.training.problems import Verifier
from harness.training.ranks import ALONE, Ranks
from harness.training.samples import Group, Samples, split
from harness.training.signals import GenerationTap
from harness.training.supply import PromptSupply
from strategies import Strategy

Rows = list[dict[str, Any]]
Charged = tuple[Phase, str]
"""What tokens are booked as: a phase and a part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restarts:
    """Rollouts of each group that go on from a part of another one's answer."""

    count: int
    """For each group."""
    choose: Callable[[list[Group]], Tensor]
    """The groups of fresh rollouts → (P, 2): the row in each group, and how many of its tokens to keep."""
    text: Callable[[list[int]], str]
    """Token ids → text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """Generates and scores rollouts, and books them."""

    generate: Callable[[list[Any], list[list[int]] | None], Any]
    """TRL's: prompts, and their token ids where they are known already → its eight columns."""
    score: Callable[[Rows, list[Any], list[Any], list[list[int]]], Tensor]
    """TRL's: rows, prompts, completions, completion ids of this rank → rewards (B, 1) of all ranks."""
    verifier: Verifier
    row: Callable[[int], dict[str, Any]]
    """The pool's row of a prompt."""
    model: Callable[[], Any]
    """The policy."""
    meter: StepMeter
    part: str
    """The arm that selection is charged to."""
    group_size: int
    remember: Callable[[Group], None]
    """Called for each group that was sampled to be trained on, refused ones too."""
    tapped: bool
    """Whether to keep the hidden states that generation makes."""
    ranks: Ranks = ALONE
    """Each generates and scores its share of what is sampled, and has all of it then."""

    def sample(self, indices: Sequence[int], restarts: Restarts | None = None) -> Samples:
        """Return a group for each prompt, charged as generation; with restarts, some of each go on from a prefix."""
        rows = [self.row(index) for index in indices]
        fresh = self.group_size - (restarts.count if restarts else 0)
        with self.meter.phase("generate"):
            groups = self._groups(rows, fresh, self.tapped, ("generate", ""))
            if restarts:
                more = self._continued(groups, restarts)
                groups = [group.with_more(other) for group, other in zip(groups, more, strict=True)]
        for group in groups:
            self.remember(group)
        return Samples(groups=groups)

    def fill(
        self,
        indices: Sequence[int],
        strategy: Strategy,
        supply: PromptSupply,
        restarts: Restarts | None = None,
    ) -> tuple[Samples, dict[str, int]]:
        """Sample until each group is one that the strategy keeps, or its rounds are over; return the batch and counts.

        A round replaces the groups that were refused before it by those of the next prompts.

        Raises:
            ValueError: If the rounds are over and the strategy takes no refused groups.
        """
        wanted, sampled, rounds = len(indices), 0, 0
        kept, refused = list[Group](), list[Group]()
        while len(kept) < wanted and rounds < strategy.rounds():
            groups = self.sample(indices if rounds == 0 else supply.take(wanted - len(kept)), restarts).groups
            flags = strategy.keep(torch.stack([group.rewards.sum(dim=1) for group in groups])).tolist()
            for group, keep in zip(groups, flags, strict=True):
                (kept if keep else refused).append(group)
            sampled, rounds = sampled + len(groups), rounds + 1
        if len(kept) < wanted and strategy.exhausted() == "error":
            raise ValueError(
                f"the strategy of arm {self.part!r} kept only {len(kept)} of {wanted} groups after {rounds} rounds of "
                "sampling; allow more rounds, train on easier or harder problems, or let refused groups fill the batch"
            )
        counts = {"sampled_groups": sampled, "kept_groups": len(kept), "rounds": rounds}
        return Samples(groups=[*kept, *refused][:wanted]), counts

    def probe(
        self, rows: Rows, rollouts: int, part: str, *, tapped: bool = False, verifier: Verifier | None = None
    ) -> Samples:
        """Return `rollouts` rollouts of each row, charged to `part` as selection, to be dropped.

        Args:
            rows: Problems, of the training pool or of a suite.
            rollouts: For each of them.
            part: Who is charged.
            tapped: Whether to keep the hidden states that generation makes.
            verifier: Grades the answers, where they are none to the training task.
        """
        return Samples(groups=self._groups(rows, rollouts, tapped, ("select", part), verifier))

    def _groups(
        self, rows: Rows, group_size: int, tapped: bool, charged: Charged, verifier: Verifier | None = None
    ) -> list[Group]:
        repeated = [row for row in rows for _ in range(group_size)]
        return split(self._columns(repeated, None, [""] * len(repeated), tapped, charged, verifier), group_size)

    def _continued(self, groups: list[Group], restarts: Restarts) -> list[Group]:
        """Return, for each of `groups`, rollouts that go on from the prefix that `restarts` chose."""
        rows: Rows = []
        ids: list[list[int]] = []
        texts: list[str] = []
        kept: list[int] = []
        for group, (row, tokens) in zip(groups, restarts.choose(groups).tolist(), strict=True):
            prefix = group.completion_ids[row][:tokens]
            rows += [group.rows[row]] * restarts.count
            ids += [[*group.prompt_ids[row], *prefix]] * restarts.count
            texts += [restarts.text(prefix)] * restarts.count
            kept += [tokens] * restarts.count
        columns = self._columns(rows, ids, texts, self.tapped, ("generate", ""), None)
        return split({**columns, "prefix_tokens": kept}, restarts.count)

    def _columns(
        self,
        rows: Rows,
        ids: list[list[int]] | None,
        prefixes: list[str],
        tapped: bool,
        charged: Charged,
        verifier: Verifier | None,
    ) -> dict[str, Any]:
        """Return what becomes of `rows`, this rank's share made here; each rank books what it made itself."""
        mine, count = self.ranks.share(len(rows)), len(rows)
        own = [rows[place] for place in mine]
        prompts = [row["prompt"] for row in own]
        with GenerationTap(self.model()) if tapped else nullcontext() as tap:
            known = None if ids is None else [ids[place] for place in mine]
            prompt_ids, completion_ids, _, generated, logprobs, *_ = self.generate(prompts, known)
        self.meter.generated([len(one) for one in prompt_ids], [len(one) for one in completion_ids], *charged)
        completions = [prefixes[p] + text if prefixes[p] else text for p, text in zip(mine, generated, strict=True)]
        rewards = self._rewards(own, prompts, completions, completion_ids, verifier)[:count]
        answers, said = (verifier or self.verifier).answers, logprobs or [None] * len(own)
        made = list(zip(prompt_ids, completion_ids, completions, said, answers, strict=True))
        every = self.ranks.joined(made)
        hidden = tap.hidden(max(len(one[1]) for one in every)) if tap else None
        columns = [list(column) for column in zip(*every[:count], strict=True)]
        return {
            "rows": rows,
            "prompt_ids": columns[0],
            "completion_ids": columns[1],
            "completions": columns[2],
            "logprobs": None if logprobs is None else columns[3],
            "rewards": rewards,
            "answers": columns[4],
            "hidden": None if hidden is None else self.ranks.stacked(hidden)[:count],
            "prefix_tokens": [0] * count,
        }

    def _rewards(
        self, rows: Rows, prompts: list[Any], completions: list[Any], ids: list[list[int]], verifier: Verifier | None
    ) -> Tensor:
        """Return the rewards (B, 1) of all ranks' rollouts."""
        if verifier is None:
            return self.score(rows, prompts, completions, ids)
        columns = {name: [row[name] for row in rows] for name in ("id", "payload")}
        return torch.tensor(self.ranks.joined(verifier(prompts, completions, **columns))).unsqueeze(1)
