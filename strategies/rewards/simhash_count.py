"""SimHash counts: a rollout earns the more, the fewer have fallen into its bucket so far.

The rollout's hidden state is projected on a few fixed random directions; the signs of the projections are the bucket.
Buckets are counted over the whole run, over all prompts, and a visit pays one over the root of the count.

Formula:
    code = sign(A h), A (bits, D) with entries from N(0, 1), drawn once; n[code] ← n[code] + 1 for one rollout after the
    other; r̃ = R + β / √n[code]; then GRPO's standardisation. h is the mean, or the last, of the hidden states that the
    completion's tokens were predicted from.

Source:
    Dai et al. 2025 (CDE), arXiv 2509.09675v1, appendix C, algorithm 1 (read), after Tang et al. 2017, "#Exploration",
    arXiv 1611.04717. The paper's ω_t and β_t occur only as a product, which is β here.

Defaults:
    The paper gives neither the number of bits nor β: 16 bits and β = 0.1 are this project's choice.

Known defects:
    The paper shows it to fail: most rollouts fall into the same or neighbouring buckets, so counts say little. The
    directions stay fixed while the policy moves its hidden states, so old counts fade in meaning. The paper pools over
    prompt and response; here only the completion's states are known, the first of which ends the prompt. Rollouts of
    one bucket in one batch are paid by their place in the batch, as in algorithm 1. Counts are shared by all prompts,
    so groups are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from strategies.contract import State
from strategies.parameters import Range
from strategies.rewards.bonus import Bonus, generator_of, moved
from strategies.rollouts import Rollouts, Shaped
from strategies.signals import SignalName


@dataclass(frozen=True, kw_only=True)
class SimhashCount(Bonus):
    """R + β / √n(code), counted over the run; the module says the rest."""

    summary: ClassVar[str] = "pays for hidden states in rarely visited SimHash buckets"

    weight: Annotated[float, Range(least=0)] = 0.1
    """β, the bonus of a first visit; 0 is plain GRPO. The paper gives no number."""
    bits: Annotated[int, Range(least=1, most=62)] = 16
    """Length of the code: there are 2^bits buckets. The paper gives no number."""
    pooling: Literal["mean", "last"] = "mean"
    """Which hidden state stands for a rollout: the mean over its tokens, or the one its last token came from."""

    def needs(self) -> frozenset[SignalName]:
        """Ask for hidden states."""
        return frozenset({"hidden"})

    def init(self) -> State:
        """Start with no visits; the directions are drawn at the first batch, when the hidden size is known."""
        return {"counts": {}}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Count each rollout's bucket, add the bonus, standardise."""
        if self.weight == 0:
            return None, state
        hidden = self._pooled(rollouts)
        directions = state.get("directions")
        if directions is None:
            directions = torch.randn(self.bits, hidden.shape[1], generator=generator_of(rollouts))
        visits, counts = visited(codes(hidden, directions.to(hidden.device)), state["counts"])
        times = torch.tensor(visits, dtype=torch.float32, device=hidden.device)
        advantages = rollouts.normalise(rollouts.rewards + self.weight / times.sqrt())
        diagnostics = {
            "bonus": (self.weight / times.sqrt()).mean().item(),
            "new_buckets": (times == 1).float().mean().item(),
            "buckets": float(len(counts)),
            "advantage_moved": moved(rollouts, advantages),
        }
        shaped = Shaped(advantages=advantages, diagnostics=diagnostics, columns={"signal": 1 / times.sqrt()})
        return shaped, {"counts": counts, "directions": directions}

    def _pooled(self, rollouts: Rollouts) -> Tensor:
        """Return the hidden state (B, D) that stands for each rollout, float32; zeros for an empty one."""
        hidden = rollouts.signals["hidden"]
        if self.pooling == "mean":
            return rollouts.token_mean(hidden).float()
        lengths = rollouts.mask.sum(dim=1)
        last = hidden[torch.arange(len(hidden), device=hidden.device), (lengths - 1).clamp(min=0)]
        return torch.where(lengths.unsqueeze(1) > 0, last, torch.zeros_like(last)).float()


def codes(hidden_BD: Tensor, directions: Tensor) -> list[int]:
    """Return the bucket of each row: bit i is set where the projection on direction i is not negative."""
    bits = (hidden_BD @ directions.T >= 0).long()
    powers = 2 ** torch.arange(len(directions), device=bits.device)
    buckets: list[int] = (bits * powers).sum(dim=1).tolist()
    return buckets


def visited(buckets: list[int], counts: dict[int, int]) -> tuple[list[int], dict[int, int]]:
    """Return how often each bucket had been seen when its rollout was counted, itself included, and the new counts."""
    new = dict(counts)
    visits = []
    for bucket in buckets:
        new[bucket] = new.get(bucket, 0) + 1
        visits.append(new[bucket])
    return visits, new
