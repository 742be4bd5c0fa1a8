"""Novelty-seeking restarts: an archive of the places that answers have passed, and a way back to the rarest of them.

Each rollout is cut at a few evenly spaced tokens. The mean hidden state up to a cut falls into a cell of a SimHash; the
archive counts how often each cell was passed. A group goes on from that cut of its own rollouts whose cell was passed
least, if the group is promising: some of its answers were right and some were not.

References:
    Ecoffet et al. 2021, Go-Explore, Nature 590, arXiv 2004.12919: an archive of cells, and first return, then explore.
    Tang et al. 2017, arXiv 1611.04717, for counting by SimHash. Their union for reasoning is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from strategies.contract import State
from strategies.rewards.bonus import generator_of
from strategies.rewards.simhash_count import codes
from strategies.rollouts import Rollouts


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """Counts of visited cells, of which there are 2^bits at most; kept in a state of its own."""

    bits: int
    """Length of a cell's code."""
    cuts: int
    """Places in each rollout that may be returned to."""

    def choose(self, fresh: Rollouts, state: State) -> tuple[Tensor, State]:
        """Return (P, 2), the row in each group and how many of its tokens to keep, and the archive with this batch.

        All cuts of the batch are counted first; going back to one counts as a visit more.

        Args:
            fresh: The rollouts that started at their prompts, with signal `hidden`.
            state: The archive; {} before the first batch.
        """
        generator = generator_of(fresh)
        tokens = cut_tokens(fresh.mask.sum(dim=1), self.cuts)
        means = prefix_means(fresh, tokens)
        if not state:  # the hidden size is known only now
            directions = torch.randn(self.bits, means.shape[2], generator=generator)
            state = {"counts": {}, "centre": centre_of(means, tokens).cpu(), "directions": directions}
        centred = (means - state["centre"].to(means.device)).flatten(end_dim=1)
        cells = torch.tensor(codes(centred, state["directions"].to(means.device))).view(tokens.shape)
        counts = dict(state["counts"])
        for cell in cells[tokens > 0].tolist():
            counts[cell] = counts.get(cell, 0) + 1
        where = torch.zeros(len(fresh.rewards) // fresh.group_size, 2, dtype=torch.long)
        promising = (~fresh.uniform()).cpu() & (tokens > 0).any(dim=1)
        for group in range(len(where)):
            rows = range(group * fresh.group_size, (group + 1) * fresh.group_size)
            places = [(row, cut) for row in rows if promising[row] for cut in tokens[row].nonzero().flatten().tolist()]
            if places:
                row, cut = least_visited(places, cells, counts, generator)
                counts[int(cells[row, cut])] += 1
                where[group] = torch.tensor([row - rows.start, int(tokens[row, cut])])
        return where, {**state, "counts": counts}


def cut_tokens(lengths: Tensor, cuts: int) -> Tensor:
    """Return (B, C) on the CPU: evenly spaced numbers of tokens below `lengths` (B,); 0 where an answer is too short.

    An answer of L tokens is cut after ⌊j L / (C + 1)⌋ of them, j = 1 … C; a cut that falls on the one before it is 0.
    """
    steps = torch.arange(1, cuts + 1)
    tokens = steps * lengths.cpu().unsqueeze(1) // (cuts + 1)
    before = torch.cat([torch.zeros(len(tokens), 1, dtype=tokens.dtype), tokens[:, :-1]], dim=1)
    return torch.where(tokens > before, tokens, torch.zeros_like(tokens))


def prefix_means(fresh: Rollouts, tokens: Tensor) -> Tensor:
    """Return (B, C, D) float32: the mean hidden state of each rollout's first `tokens` (B, C); zero for none."""
    hidden = fresh.signals["hidden"]
    hidden = torch.where(fresh.mask.unsqueeze(-1), hidden, torch.zeros_like(hidden)).float()
    kept = tokens.to(hidden.device)
    weights = torch.arange(hidden.shape[1], device=hidden.device) < kept.unsqueeze(-1)
    return torch.bmm(weights.float() / kept.clamp(min=1).unsqueeze(-1), hidden)


def centre_of(means: Tensor, tokens: Tensor) -> Tensor:
    """Return (D,) the mean over all cuts: hidden states share a large part, which would put all in one cell."""
    there = (tokens > 0).to(means.device)
    return means[there].mean(dim=0) if there.any() else means.new_zeros(means.shape[2])


def least_visited(
    places: Sequence[tuple[int, int]], cells: Tensor, counts: dict[int, int], generator: Generator
) -> tuple[int, int]:
    """Return that of `places` (row, cut) whose cell (B, C) has the lowest count; one of them at random, if several."""
    visits = [counts[int(cells[place])] for place in places]
    rarest = [place for place, seen in zip(places, visits, strict=True) if seen == min(visits)]
    return rarest[int(torch.randint(len(rarest), (), generator=generator))]
