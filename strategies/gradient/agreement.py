"""How well one set of similarities ranks another: Spearman's correlation within groups, and the chance of it.

Two cosines of one rollout share that rollout, so pairs are not independent and a table of correlations does not apply:
the chance of a correlation is counted over permutations of the rollouts (Mantel's test), not of the pairs.

Shape suffixes: B rollouts, F features, n rollouts of a group, R permutations, U pairs of a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from strategies.rollouts import Rollouts

DECIMALS = 6
"""Cosines are compared to these: float32 does not tell what is finer, and a rank must not hang on it."""
LEAST = 3
"""Rollouts that a group must have for its pairs to have ranks: two have one pair."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """What a Mantel test found."""

    rho: float
    """Mean over groups of the rank correlation of their pairs; 0 if there is no group to tell."""
    p: float
    """Share of permutations with a `rho` at least as high, the one seen among them; 1 if there is no group."""
    groups: int
    """Groups that have ranks on both sides."""
    pairs: int
    """Pairs of rollouts in them."""


def ranks(values: Tensor) -> Tensor:
    """Return the ranks of `values` along the last dimension, from 1, float64; equal values share their mean rank."""
    below = (values.unsqueeze(-1) > values.unsqueeze(-2)).sum(dim=-1)
    same = (values.unsqueeze(-1) == values.unsqueeze(-2)).sum(dim=-1)
    return below + (same.double() + 1) / 2


def spearman(a: Tensor, b: Tensor) -> float:
    """Return Spearman's rank correlation of `a` and `b`, (N,) each; 0 if either has no spread.

    References:
        Spearman 1904; the Pearson correlation of ranks, ties at their mean rank.
    """
    return pearson(ranks(a), ranks(b))


def pearson(a: Tensor, b: Tensor) -> float:
    """Return the correlation of `a` and `b`, (N,) each; 0 if either has no spread."""
    return float((standardised(a) * standardised(b)).sum())


def standardised(values: Tensor) -> Tensor:
    """Return `values` less their mean, of unit length, float64; zero if they have no spread."""
    centred = values.double() - values.double().mean()
    length = centred.norm()
    return centred / length if length > 1e-12 * max(1.0, float(values.abs().max())) else torch.zeros_like(centred)


def distinct(rollouts: Rollouts) -> list[Tensor]:
    """Return, for each group, the rows of its first rollout of every kind: the same tokens count once.

    Equal rollouts have equal features of any sort, so their pairs would show an agreement that says nothing.
    """
    ids = torch.where(rollouts.mask, rollouts.completion_ids, torch.full_like(rollouts.completion_ids, -1))
    groups = []
    for start in range(0, len(ids), rollouts.group_size):
        first: dict[tuple[int, ...], int] = {}
        for row, tokens in enumerate(ids[start : start + rollouts.group_size].tolist(), start=start):
            first.setdefault(tuple(tokens), row)
        groups.append(torch.tensor(sorted(first.values()), device=ids.device))
    return groups


def cosine_matrices(features_BF: Tensor, groups: Sequence[Tensor]) -> list[Tensor]:
    """Return the cosines (n, n) of each group's rows, on the CPU, float64, to `DECIMALS`; 0 for a zero feature."""
    unit_BF = torch.nn.functional.normalize(features_BF.double(), dim=1)
    return [torch.round(unit_BF[rows] @ unit_BF[rows].T, decimals=DECIMALS).cpu() for rows in groups]


def mantel(
    first: Sequence[Tensor], second: Sequence[Tensor], *, permutations: int = 999, generator: Generator | None = None
) -> Agreement:
    """Return how well the similarities `first` rank those in `second`, and how often chance does as well.

    Args:
        first: A symmetric matrix (n, n) for each group; n may differ.
        second: The same groups, in the same order.
        permutations: R; the rollouts of `second` are permuted within each group, all groups at once.
        generator: On the CPU.

    References:
        Mantel 1967, "The detection of disease clustering and a generalized regression approach"; p = (1 + #) / (1 + R).
    """
    seen, drawn, groups, pairs = 0.0, torch.zeros(permutations, dtype=torch.float64), 0, 0
    for a_nn, b_nn in zip(first, second, strict=True):
        rho, shuffled_R = _group(a_nn, b_nn, permutations, generator)
        if rho is not None:
            seen, drawn, groups = seen + rho, drawn + shuffled_R, groups + 1
            pairs += len(a_nn) * (len(a_nn) - 1) // 2
    if groups == 0:
        return Agreement(rho=0.0, p=1.0, groups=0, pairs=0)
    as_high = int((drawn >= seen - 1e-9 * groups).sum())
    return Agreement(rho=seen / groups, p=(1 + as_high) / (1 + permutations), groups=groups, pairs=pairs)


def _group(a_nn: Tensor, b_nn: Tensor, permutations: int, generator: Generator | None) -> tuple[float | None, Tensor]:
    """Return a group's rank correlation (None if it has no ranks) and those of its permutations, (R,)."""
    size = len(a_nn)
    none = torch.zeros(permutations, dtype=torch.float64)
    order_Rn = torch.rand(permutations, size, generator=generator).argsort(dim=1)  # drawn for every group alike
    if size < LEAST:
        return None, none
    rows, columns = torch.triu_indices(size, size, offset=1)
    a_U, b_U = standardised(ranks(a_nn[rows, columns])), standardised(ranks(b_nn[rows, columns]))
    if not a_U.any() or not b_U.any():
        return None, none
    ranked_nn = torch.zeros(size, size, dtype=torch.float64)
    ranked_nn[rows, columns] = ranked_nn[columns, rows] = b_U
    shuffled_RU = ranked_nn[order_Rn[:, rows], order_Rn[:, columns]]
    return float(a_U @ b_U), shuffled_RU @ a_U
