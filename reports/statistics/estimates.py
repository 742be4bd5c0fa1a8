"""What one checkpoint scores on one suite."""

from __future__ import annotations

import math
from collections.abc import Sequence


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


def mean_pass_at_k(correct_N: Sequence[int], samples: int, k: int) -> float:
    """Return the mean of `pass_at_k` over N items that had the same number of `samples`.

    Raises:
        ValueError: If there is no item, or as `pass_at_k`.
    """
    if len(correct_N) == 0:
        raise ValueError("pass@k of a suite needs at least one item, got none")
    return math.fsum(pass_at_k(int(correct), samples, k) for correct in correct_N) / len(correct_N)
