"""Which random prefix a group goes on from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from strategies.resets.prefixes import continued_count, of_failures


@pytest.mark.parametrize(
    ("share", "size", "count"), [(0.5, 8, 4), (0.5, 4, 2), (0.1, 8, 2), (0.99, 8, 6), (0.25, 16, 4), (0.5, 5, 2)]
)
def test_both_parts_keep_two(share: float, size: int, count: int) -> None:
    assert continued_count(share, size) == count


def test_only_failures_are_gone_on_from_and_never_from_their_end(make_rollouts: Any) -> None:
    # Lengths are 1 2 3 4 | 5 1 2 3 | 4 5 1 2: of the second group's failures, rows 1 and 2, the first has one token.
    seen: list[set[tuple[int, int]]] = [set(), set(), set()]
    for seed in range(60):
        fresh = make_rollouts(rewards=(1, 0, 0.5, 1, 1, 0, 0, 1, 1, 1, 1, 1), seed=seed)
        for group, where in enumerate(of_failures(fresh).tolist()):
            seen[group].add(tuple(where))
    assert seen[0] == {(1, 1), (2, 1), (2, 2)}
    assert seen[1] == {(2, 1)}
    assert seen[2] == {(0, 0)}, "no failure: what would go on starts at the prompt"


def test_it_draws_from_the_generator_it_is_given(make_rollouts: Any) -> None:
    with pytest.raises(ValueError, match="without a generator"):
        of_failures(replace(make_rollouts(), generator=None))
    torch.manual_seed(0)
    first = of_failures(make_rollouts(seed=4))
    torch.manual_seed(1)
    assert torch.equal(of_failures(make_rollouts(seed=4)), first)
