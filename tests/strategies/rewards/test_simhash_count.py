"""SimHash counts: buckets by sign, visits counted one rollout after the other, over batches."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, Literal

import pytest
import torch

from strategies import Rollouts, Shaped, State
from strategies.rewards.simhash_count import SimhashCount, codes, visited

BatchFactory = Callable[..., Rollouts]

STATE: State = {"counts": {3: 7}, "directions": torch.eye(2)}
"""Two bits: the signs of the two coordinates; bucket 3, both positive, seen seven times."""


def shape(one: SimhashCount, batch: Rollouts, state: State) -> tuple[Shaped, State]:
    shaped, state = one.shape(batch, state)
    assert shaped is not None
    return shaped, state


def test_buckets_are_the_signs_as_bits() -> None:
    rows = torch.tensor([[-1.0, -2.0], [3.0, -1.0], [-1.0, 0.5], [2.0, 2.0], [0.0, 0.0]])
    assert codes(rows, torch.eye(2)) == [0, 1, 2, 3, 3]
    assert codes(rows[:2], torch.tensor([[1.0, -1.0]])) == [1, 1]


def test_visits_count_within_the_batch_too() -> None:
    counts = {5: 2}
    assert visited([5, 1, 5, 1], counts) == ([3, 1, 4, 2], {5: 4, 1: 2})
    assert counts == {5: 2}


def test_a_group_of_four(make_batch: BatchFactory) -> None:
    hidden = [[[1.0, 1.0]], [[-1.0, 1.0]], [[2.0, 1.0]], [[-1.0, 3.0]]]
    batch = make_batch((1, 0, 0, 0), hidden=hidden, lengths=(1, 1, 1, 1), scale="none")
    shaped, state = shape(SimhashCount(weight=0.6, bits=2), batch, STATE)
    # Buckets 3, 2, 3, 2, seen 8, 1, 9 and 2 times with themselves.
    bonus = [0.6 / sqrt(8), 0.6, 0.2, 0.6 / sqrt(2)]
    rewards = torch.tensor([1 + bonus[0], *bonus[1:]])
    torch.testing.assert_close(shaped.advantages, rewards - rewards.mean())
    assert state["counts"] == {3: 9, 2: 2}
    assert torch.equal(state["directions"], torch.eye(2))
    assert shaped.diagnostics["new_buckets"] == 0.25
    assert shaped.diagnostics["buckets"] == 2.0
    assert shaped.diagnostics["bonus"] == pytest.approx(sum(bonus) / 4)


@pytest.mark.parametrize(("pooling", "bucket"), [("mean", 1), ("last", 2)])
def test_what_stands_for_a_rollout(pooling: Literal["mean", "last"], bucket: int, make_batch: BatchFactory) -> None:
    hidden: Any = [[[5.0, -5.0], [-1.0, 1.0], [9.0, 9.0]]]  # mean (2, −2) of two tokens; the last is (−1, 1)
    batch = make_batch((1,), group_size=1, hidden=hidden, lengths=(2,), scale="none")
    _, state = shape(SimhashCount(bits=2, pooling=pooling), batch, STATE)
    assert state["counts"] == {3: 7, bucket: 1}


def test_directions_are_drawn_once(make_batch: BatchFactory) -> None:
    one = SimhashCount(bits=40)
    _, first = shape(one, make_batch(seed=1), one.init())
    _, second = shape(one, make_batch(seed=2), first)
    assert first["directions"].shape == (40, 6)
    assert first["directions"].std().item() == pytest.approx(1, abs=0.15)
    assert torch.equal(second["directions"], first["directions"])
    assert sum(second["counts"].values()) == 24
