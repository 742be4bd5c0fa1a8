"""How a batch of rollouts comes about: sampled once, sampled until it is full, or sampled only to look at rewards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.training.meter import StepMeter
from harness.training.problems import Verifier
from harness.training.samples import Group, Samples, split
from harness.training.signals import GenerationTap
from harness.training.supply import PromptSupply
from strategies import Strategy

Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """Generates and scores rollouts, and books them."""

    generate: Callable[[list[Any]], Any]
    """TRL's: prompts → its eight columns."""
    score: Callable[[Rows, list[Any], list[Any], list[list[int]]], Tensor]
    """TRL's: rows, prompts, completions, completion ids → rewards (B, 1)."""
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

    def sample(self, indices: Sequence[int]) -> Samples:
        """Return a group for each prompt, charged as generation."""
        with self.meter.phase("generate"):
            if self.tapped:
                with GenerationTap(self.model()) as tap:
                    groups = self._groups(indices, self.group_size, tap)
            else:
                groups = self._groups(indices, self.group_size, None)
        for group in groups:
            self.remember(group)
        samples = Samples(groups=groups)
        self.meter.generated(samples.lengths("prompt_ids"), samples.lengths("completion_ids"))
        return samples

    def fill(self, indices: Sequence[int], strategy: Strategy, supply: PromptSupply) -> tuple[Samples, dict[str, int]]:
        """Sample until each group is one that the strategy keeps, or its rounds are over; return the batch and counts.

        A round replaces the groups that were refused before it by those of the next prompts.

        Raises:
            ValueError: If the rounds are over and the strategy takes no refused groups.
        """
        wanted, sampled, rounds = len(indices), 0, 0
        kept, refused = list[Group](), list[Group]()
        while len(kept) < wanted and rounds < strategy.rounds():
            groups = self.sample(indices if rounds == 0 else supply.take(wanted - len(kept))).groups
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

    def probe(self, indices: Sequence[int], rollouts: int) -> Tensor:
        """Return rewards (len(indices), rollouts) of rollouts that are charged as selection and dropped."""
        samples = Samples(groups=self._groups(indices, rollouts, None))
        self.meter.generated(samples.lengths("prompt_ids"), samples.lengths("completion_ids"), "select", self.part)
        return samples.rewards.sum(dim=1).view(-1, rollouts)

    def _groups(self, indices: Sequence[int], group_size: int, tap: GenerationTap | None) -> list[Group]:
        rows = [row for index in indices for row in [self.row(index)] * group_size]
        prompts = [row["prompt"] for row in rows]
        prompt_ids, completion_ids, _, completions, logprobs, *_ = self.generate(prompts)
        columns = {
            "rows": rows,
            "prompt_ids": prompt_ids,
            "completion_ids": completion_ids,
            "completions": completions,
            "logprobs": logprobs,
            "rewards": self.score(rows, prompts, completions, completion_ids),
            "answers": self.verifier.answers,
            "hidden": tap.hidden(max(map(len, completion_ids))) if tap else None,
        }
        return split(columns, group_size)
