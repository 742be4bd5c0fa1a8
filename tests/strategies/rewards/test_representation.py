"""RepExp's leverage: by hand, against the slow inverse, and where it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies import Rollouts, RunSettings, Shaped
from strategies.rewards.representation import Representation, leverage, sparse_projection

BatchFactory = Callable[..., Rollouts]


def shape(one: Representation, batch: Rollouts) -> Shaped:
    shaped, _ = one.shape(batch, {})
    assert shaped is not None
    return shaped


def test_a_group_on_a_line() -> None:
    # States 1, 2, 6 centred: −2, −1, 3; Λ = 2 + 4 + 1 + 9 = 16: leverages 4/16, 1/16, 9/16.
    found = leverage(torch.tensor([[[1.0], [2.0], [6.0]]], dtype=torch.float64), 2.0)
    torch.testing.assert_close(found, torch.tensor([[0.25, 0.0625, 0.5625]], dtype=torch.float64))


@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(1, 5), st.floats(0.01, 2))
def test_leverage_is_that_of_the_slow_inverse(seed: int, size: int, dims: int, regulariser: float) -> None:
    states = torch.randn(2, size, dims, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = leverage(states, regulariser)
    for group, values in zip(states, found, strict=True):
        centred = group - group.mean(dim=0)
        inverse = torch.linalg.inv(regulariser * torch.eye(dims, dtype=torch.float64) + centred.T @ centred)
        for state, value in zip(centred, values, strict=True):
            assert value.item() == pytest.approx((state @ inverse @ state).item(), abs=1e-9)
            rest = torch.linalg.inv(torch.linalg.inv(inverse) - torch.outer(state, state))
            assert (value / (1 - value)).item() == pytest.approx((state @ rest @ state).item(), rel=1e-6, abs=1e-9)
    assert (found >= -1e-12).all()
    assert (found < 1).all()


def line(make_batch: BatchFactory, rewards: tuple[float, ...] = (1, 0, 0)) -> Rollouts:
    """Return a group whose states are 1, 2 and 6 on a line, of one dimension."""
    batch = make_batch(rewards, group_size=3, scale="none")
    states = torch.tensor([[1.0], [2.0], [6.0]]).repeat(len(rewards) // 3, 1)
    hidden = torch.full((len(rewards), batch.mask.shape[1], 1), float("nan"))
    hidden = torch.where(batch.mask.unsqueeze(2), -states.unsqueeze(1), hidden)
    return replace(batch, signals={"reference_hidden": states, "hidden": hidden})


def test_the_bonus_is_added_to_the_reward(make_batch: BatchFactory) -> None:
    # One dimension projected on one: ±1, which leverage doesn't see.
    shaped = shape(Representation(weight=0.8, regulariser=2.0, dims=1), line(make_batch))
    rewards = torch.tensor([1.2, 0.05, 0.45])
    torch.testing.assert_close(shaped.advantages, rewards - rewards.mean())
    assert shaped.diagnostics["bonus"] == pytest.approx(0.8 * 0.875 / 3)
    assert shaped.diagnostics["bonus_spread"] == pytest.approx(torch.tensor([0.2, 0.05, 0.45]).std().item())


def test_leaving_one_out(make_batch: BatchFactory) -> None:
    # h² / (Λ − h²): 4/12, 1/15, 9/7, the last beyond 1.
    shaped = shape(Representation(weight=1.0, regulariser=2.0, dims=1, leave_one_out=True), line(make_batch))
    rewards = torch.tensor([1 + 1 / 3, 1 / 15, 9 / 7])
    torch.testing.assert_close(shaped.advantages, rewards - rewards.mean())


def test_whose_hidden_states(make_batch: BatchFactory) -> None:
    policy, reference = Representation(hidden="policy"), Representation()
    assert policy.needs() == {"hidden"}
    assert reference.needs() == {"reference_hidden"}
    batch = line(make_batch)
    torch.testing.assert_close(shape(policy, batch).advantages, shape(reference, batch).advantages)


def test_it_is_off_where_no_rollout_is_right(make_batch: BatchFactory) -> None:
    shaped = shape(Representation(), line(make_batch, (0, 0, 0, 1, 1, 1)))
    assert shaped.advantages[:3].tolist() == [0, 0, 0]
    assert shaped.advantages[3:].abs().min() > 0


def test_far_states_in_many_dimensions_all_have_the_same_leverage() -> None:
    states = torch.randn(4, 8, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(leverage(states, 0.01), torch.full((4, 8), 7 / 8).double(), atol=2e-3, rtol=0)


def test_the_projection_is_sparse_and_keeps_lengths() -> None:
    projection = sparse_projection(256, 32, torch.Generator().manual_seed(0))
    assert projection.shape == (256, 32)
    # s = √256 = 16: entries ±√(16/32), one in 16 not zero (512 of 8192 expected, with a deviation of 22).
    assert sorted({round(value, 6) for value in projection.flatten().tolist()}) == [-0.707107, 0, 0.707107]
    assert (projection != 0).sum().item() == pytest.approx(512, abs=90)
    assert (projection < 0).sum().item() == pytest.approx(256, abs=65)
    assert projection.square().sum().item() == pytest.approx(256, rel=0.2)


def test_every_batch_has_its_own_projection(make_batch: BatchFactory) -> None:
    batch = make_batch(seed=1)
    first = shape(Representation(dims=2), batch).advantages
    second = shape(Representation(dims=2), batch).advantages
    assert not torch.equal(first, second)


@pytest.mark.parametrize("size", [1, 2])
def test_groups_too_small_to_stand_out_of_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"groups have {size} rollouts.*Choose groups of at least 3"):
        Representation().check(RunSettings(group_size=size))
    Representation().check(RunSettings(group_size=3))
    Representation(weight=0.0).check(RunSettings(group_size=size))
