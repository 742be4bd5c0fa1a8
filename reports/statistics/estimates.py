"""What one checkpoint scores on one suite."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence


def pass_at_k(correct: int, samples: int, k: int) -> float:
    """Return the unbiased pass@k of one item, a probability.

    Args:
        correct: Number of right answers among `samples`.
        samples: Number of answers drawn, at least `k`.
        k: Number of tries allowed, at least 1.

    Raises:
        ValueError: If `samples < k`, where no unbiased estimate exists, or if a count is impossible.

    References:
        Chen et al. 2021, https://arxiv.org/abs/2107.03374, equation 1.

    Examples:
        >>> pass_at_k(correct=1, samples=4, k=2)
        0.5
    """
    if k < 1:
        raise ValueError(f"pass@k needs k of at least 1, got k={k}")
    if samples < k:
        raise ValueError(f"pass@{k} needs at least {k} samples per item, got {samples}; draw more or lower k")
    if not 0 <= correct <= samples:
        raise ValueError(f"right answers must lie between 0 and the {samples} samples drawn, got {correct}")
    return 1.0 - math.comb(samples - correct, k) / math.comb(samples, k)


def maj_at_k(answers: Sequence[str | None], grades: Sequence[bool], k: int) -> float:
    """Return the accuracy of the most frequent answer among k of an item's samples, a probability, exactly.

    The expectation is over all ways to draw k of the samples without replacement and, where several answers are the
    most frequent, over one of them at random. An answer that could not be read (None) votes for nothing; if none of the
    k could be read, the vote is wrong.

    Args:
        answers: Canonical final answers of the K samples; equal ones are one candidate.
        grades: Whether each is right; where equal answers are graded unequally, the vote for them is right with the
            share of those that are.
        k: Number of votes, at least 1.

    Raises:
        ValueError: If there are fewer samples than votes.

    References:
        Wang et al. 2023, https://arxiv.org/abs/2203.11171 (self-consistency); exact here, by counting.
    """
    samples = len(answers)
    if k < 1:
        raise ValueError(f"maj@k needs k of at least 1, got k={k}")
    if samples < k:
        raise ValueError(f"maj@{k} needs at least {k} samples per item, got {samples}; draw more or lower k")
    votes = Counter(answer for answer in answers if answer is not None)
    right = Counter(answer for answer, grade in zip(answers, grades, strict=True) if grade and answer is not None)
    silent = samples - sum(votes.values())
    ways = math.fsum(
        right[answer] / votes[answer] * math.comb(votes[answer], top) * _elections(votes, answer, top, k - top, silent)
        for answer in right
        for top in range(1, min(votes[answer], k) + 1)
    )
    return ways / math.comb(samples, k)


def _elections(votes: Mapping[str, int], winner: str, top: int, others: int, silent: int) -> float:
    """Return in how many ways the other votes fall so that none has more than `top`, ties counted as their share.

    Args:
        votes: Samples of each answer.
        winner: Has `top` votes.
        top: Most votes that any other answer may have.
        others: Votes that are not for the winner.
        silent: Samples that vote for nothing.
    """
    # ways[tied][drawn]: ways to have drawn so many of the samples seen so far with so many answers tied at the top
    ways = [[math.comb(silent, drawn) for drawn in range(others + 1)]]
    for answer, count in votes.items():
        if answer == winner:
            continue
        seen = [[0] * (others + 1) for _ in range(len(ways) + 1)]
        for tied, row in enumerate(ways):
            for drawn, number in enumerate(row):
                for more in range(min(count, top, others - drawn) + 1) if number else ():
                    seen[tied + (more == top)][drawn + more] += number * math.comb(count, more)
        ways = seen
    return math.fsum(row[others] / (1 + tied) for tied, row in enumerate(ways))


def answer_entropy(answers: Sequence[str | None]) -> float:
    """Return the entropy of an item's final answers in nats; those that could not be read are one answer."""
    counts = Counter(answers)
    return -math.fsum(count / len(answers) * math.log(count / len(answers)) for count in counts.values())
