"""The archive: what counts as a place, how often it was passed, and which one is gone back to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from strategies import Rollouts
from strategies.resets.archive import Archive, centre_of, cut_tokens, prefix_means

ONE_BIT = Archive(bits=1, cuts=1)


def batch(rewards: list[float], hidden: Tensor, group_size: int = 2, seed: int = 0) -> Rollouts:
    """Return rollouts of T tokens each with these hidden states (B, T, D)."""
    count, tokens = hidden.shape[:2]
    return Rollouts(
        rewards=torch.tensor(rewards),
        advantages=torch.zeros(count),
        group_size=group_size,
        completion_ids=torch.ones(count, tokens, dtype=torch.long),
        mask=torch.ones(count, tokens, dtype=torch.bool),
        signals={"hidden": hidden},
        generator=torch.Generator().manual_seed(seed),
    )


def line(*values: float) -> Tensor:
    """Return hidden states (B, 2, 1) whose first tokens have these numbers: the only cut is after the first."""
    return torch.tensor([[[value], [100.0]] for value in values])


def known(counts: dict[int, int]) -> dict[str, Any]:
    """Return an archive with one direction, so that cell 1 holds what is not negative and cell 0 the rest."""
    return {"counts": counts, "centre": torch.zeros(1), "directions": torch.ones(1, 1)}


def test_cuts_are_evenly_spaced_before_the_end() -> None:
    assert cut_tokens(torch.tensor([10, 4, 3, 1, 0]), 4).tolist() == [
        [2, 4, 6, 8],
        [0, 1, 2, 3],
        [0, 1, 0, 2],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


@given(length=st.integers(0, 200), cuts=st.integers(1, 12))
def test_a_cut_leaves_a_token_and_none_stands_twice(length: int, cuts: int) -> None:
    found = [cut for cut in cut_tokens(torch.tensor([length]), cuts)[0].tolist() if cut]
    assert len(found) == len(set(found)) == min(cuts, max(length - 1, 0))
    assert all(1 <= cut < length for cut in found)


def test_the_mean_is_of_the_prefix_alone() -> None:
    hidden = torch.tensor([[[1.0, 0.0], [3.0, 2.0], [float("nan"), 0.0]]])
    fresh = replace(batch([1.0], hidden, 1), mask=torch.tensor([[True, True, False]]))
    assert prefix_means(fresh, torch.tensor([[0, 1, 2]])).tolist() == [[[0, 0], [1, 0], [2, 1]]]


def test_the_centre_is_of_the_cuts_there_are() -> None:
    means = torch.tensor([[[1.0], [9.0]], [[3.0], [0.0]]])
    assert centre_of(means, torch.tensor([[1, 0], [2, 0]])).tolist() == [2.0]
    assert centre_of(means, torch.zeros(2, 2)).tolist() == [0.0]


def test_counts_by_hand() -> None:
    fresh = batch([1, 0, 1, 1], line(1.0, 2.0, -1.0, 3.0))
    where, state = ONE_BIT.choose(fresh, known({0: 5, 1: 1}))
    # Passed by this batch: cell 1 three times, cell 0 once. The first group goes back to cell 1: a visit more.
    assert state["counts"] == {0: 6, 1: 5}
    assert where[:, 1].tolist() == [1, 0]
    assert where[1].tolist() == [0, 0], "all right: there is nothing to look for"


@pytest.mark.parametrize(("counts", "row"), [({0: 9}, 0), ({1: 9}, 1)])
def test_the_least_visited_is_gone_back_to(counts: dict[int, int], row: int) -> None:
    for seed in range(8):
        where, _ = ONE_BIT.choose(batch([1, 0], line(1.0, -1.0), seed=seed), known(counts))
        assert where.tolist() == [[row, 1]]


def test_a_group_sees_what_the_one_before_it_went_back_to() -> None:
    # Counted: both cells twice. The first group takes one of them, so the second has the other one only.
    for seed in range(8):
        fresh = batch([1, 0, 1, 0], line(1.0, -1.0, 1.0, -1.0), seed=seed)
        where, state = ONE_BIT.choose(fresh, known({}))
        assert sorted(where[:, 0].tolist()) == [0, 1]
        assert state["counts"] == {0: 3, 1: 3}


def test_of_places_as_rare_one_is_taken_at_random() -> None:
    taken = {ONE_BIT.choose(batch([1, 0], line(1.0, 1.0), seed=seed), known({}))[0][0, 0].item() for seed in range(20)}
    assert taken == {0, 1}


def test_the_first_batch_sets_centre_and_directions_for_good() -> None:
    archive = Archive(bits=6, cuts=2)
    source = torch.Generator().manual_seed(3)
    first, second = (torch.randn(4, 6, 5, generator=source) + 50 for _ in range(2))
    _, state = archive.choose(batch([1, 0, 0, 1], first), {})
    assert len(state["counts"]) > 1, "centred, so they don't all fall into one cell"
    _, later = archive.choose(batch([1, 0, 0, 1], second), state)
    for name in ("centre", "directions"):
        assert torch.equal(state[name], later[name])
    assert sum(later["counts"].values()) == 2 * (4 * 2 + 2)


def test_the_archive_is_bounded() -> None:
    archive, state = Archive(bits=3, cuts=4), dict[str, Any]()
    source = torch.Generator().manual_seed(0)
    for _ in range(20):
        _, state = archive.choose(batch([1, 0] * 8, torch.randn(16, 9, 4, generator=source)), state)
    assert len(state["counts"]) == 8


def test_answers_too_short_to_be_cut_start_at_the_prompt() -> None:
    where, state = ONE_BIT.choose(batch([1, 0], torch.ones(2, 1, 3)), {})
    assert where.tolist() == [[0, 0]]
    assert state["counts"] == {}
