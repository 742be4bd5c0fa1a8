"""How much the rollouts of a group differ: in their features, their words and their answers.

Shape suffixes: P groups, G rollouts of a group, D features, T tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from math import log

import torch
from torch import Tensor

ROUNDING = 1e-9
"""Shares of a spectrum at most this large are rounding, not directions."""


def entropy(counts: Iterable[float]) -> float:
    """Return the entropy in nats of the distribution that `counts` are in proportion to; 0 for none."""
    present = [count for count in counts if count > 0]
    total = sum(present)
    return sum(count / total * log(total / count) for count in present)


def pairwise_cosines(features_PGD: Tensor) -> Tensor:
    """Return the cosines (P, G·(G−1)/2) of the pairs within each group; 0 where a feature has no length."""
    unit_PGD = torch.nn.functional.normalize(features_PGD.float(), dim=-1)
    rows, columns = torch.triu_indices(features_PGD.shape[1], features_PGD.shape[1], offset=1)
    return torch.bmm(unit_PGD, unit_PGD.transpose(1, 2))[:, rows, columns]


def effective_rank(features_PGD: Tensor) -> Tensor:
    """Return how many directions the unit features of each group take up, (P,): between 1 and min(G, D).

    References:
        Roy & Vetterli 2007: exp of the entropy of the singular values, scaled to add up to 1.
    """
    unit_PGD = torch.nn.functional.normalize(features_PGD.double(), dim=-1)
    values = torch.linalg.svdvals(unit_PGD)
    return _spread(values)


def vendi_score(similarities_PGG: Tensor) -> Tensor:
    """Return the effective number of different members of each group, (P,): between 1 and G.

    Args:
        similarities_PGG: Symmetric, positive semidefinite, 1 on the diagonal.

    References:
        Friedman & Dieng 2022, arXiv 2210.02410, definition 3.1: exp of the entropy of the eigenvalues of K / n.
    """
    values = torch.linalg.eigvalsh(similarities_PGG.double()).clamp(min=0)
    return _spread(values)


def _spread(values_PK: Tensor) -> Tensor:
    """Return exp of the entropy of each row scaled to add up to 1; 1 for a row of zeros."""
    total = values_PK.sum(dim=-1, keepdim=True)
    shares = torch.where(total > 0, values_PK / total.clamp(min=1e-30), torch.zeros_like(values_PK))
    shares = torch.where(shares > ROUNDING, shares, torch.zeros_like(shares))
    return torch.exp(-torch.special.xlogy(shares, shares).sum(dim=-1)).float()


def ngrams(tokens: Sequence[int], size: int) -> Counter[tuple[int, ...]]:
    """Return how often each run of `size` tokens occurs."""
    return Counter(tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1))


def ngram_similarities(group: Sequence[Sequence[int]], sizes: Sequence[int] = (1, 2, 3)) -> Tensor:
    """Return the cosines (G, G) of the counts of n-grams of tokens, the mean over `sizes`; an empty text is like none.

    References:
        Friedman & Dieng 2022, section 5: the kernel they use for texts.
    """
    kernels = [_cosines_of_counts([ngrams(tokens, size) for tokens in group]) for size in sizes]
    return torch.stack(kernels).mean(dim=0)


def _cosines_of_counts(bags: Sequence[Counter[tuple[int, ...]]]) -> Tensor:
    places: dict[Hashable, int] = {}
    for bag in bags:
        for gram in bag:
            places.setdefault(gram, len(places))
    counts = torch.zeros(len(bags), max(len(places), 1), dtype=torch.float64)
    for row, bag in enumerate(bags):
        for gram, count in bag.items():
            counts[row, places[gram]] = count
    unit = torch.nn.functional.normalize(counts, dim=1)
    return (unit @ unit.T).fill_diagonal_(1.0)


def ngram_entropy(group: Sequence[Sequence[int]], size: int = 2) -> float:
    """Return the entropy in nats of the n-grams of a group's texts, all together."""
    whole: Counter[tuple[int, ...]] = Counter()
    for tokens in group:
        whole += ngrams(tokens, size)
    return entropy(whole.values())


def distinct_answers(answers: Sequence[str | None]) -> int:
    """Return how many different final answers there are; a rollout without one adds none."""
    return len({answer for answer in answers if answer is not None})


def answer_entropy(answers: Sequence[str | None]) -> float:
    """Return the entropy in nats of the final answers; rollouts without one count as one answer more."""
    return entropy(Counter(answers).values())
