"""MERCI: which tokens count, what they are worth, and whether coin flips count visits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from strategies import Rollouts, RunSettings, Shaped, State
from strategies.rewards.merci import Merci, bounded, in_runs, positive_part, rarest
from strategies.rewards.predictor import untrained

BatchFactory = Callable[..., Rollouts]

RARE, COMMON = [1.0, -1.0], [-1.0, 1.0]


def state() -> State:
    """Return a network that gives 3 for a rare state and 1 for a common one: 1/N is 9 and 1."""
    return {"network": untrained([torch.tensor([[1.0, 0.0]]), torch.tensor([2.0])])}


def shape(one: Merci, batch: Rollouts, before: State) -> tuple[Shaped, State]:
    shaped, after = one.shape(batch, before)
    assert shaped is not None
    return shaped, after


def group(make_batch: BatchFactory, step: int = 0) -> Rollouts:
    hidden = [
        [RARE, RARE, COMMON, COMMON, RARE],  # four tokens, the rest is padding; the half {0, 1}: B = √(18/2) = 3
        [COMMON, COMMON, RARE, COMMON, RARE],  # the half {2, 0} has no neighbours: B = 0
        [COMMON, COMMON, COMMON, COMMON, RARE],  # {0, 1}: B = √(2/2) = 1
        [RARE, RARE, RARE, RARE, RARE],  # {0, 1}: B = 3
    ]
    return make_batch((1, 0, 0, 0), hidden=hidden, lengths=(4, 4, 4, 4), scale="none", step=step)


def test_a_group_of_four(make_batch: BatchFactory) -> None:
    # B = 3, 0, 1, 3: mean 1.75, deviation √(6.75/3) = 1.5, so E = 5/6, 0, 0, 5/6; times γ = 0.3 it is 0.25. Plain
    # advantages 0.75 and −0.25: 0.75 + 0.25 = 1 is below 1.5 · 0.75, −0.25 + 0.25 = 0 is bounded by −0.125.
    shaped, _ = shape(Merci(weight=0.3, coins=1), group(make_batch), state())
    torch.testing.assert_close(shaped.advantages, torch.tensor([1.0, -0.25, -0.25, -0.125]), atol=1e-4, rtol=0)
    assert shaped.diagnostics["rarity"] == pytest.approx((20 + 12 + 4 + 36) / 16, abs=1e-3)
    assert shaped.diagnostics["kept_tokens"] == pytest.approx(6 / 16)


def test_gamma_is_on_a_cosine_down_to_a_tenth(make_batch: BatchFactory) -> None:
    one = Merci(weight=0.4)
    assert [one.gamma(step) for step in (0, 100, 200, 900)] == pytest.approx([0.4, 0.22, 0.04, 0.04])
    shaped, _ = shape(Merci(weight=0.3, coins=1), group(make_batch, step=200), state())
    torch.testing.assert_close(shaped.advantages[0], torch.tensor(0.775), atol=1e-4, rtol=0)


def test_the_rarest_share_of_each_row() -> None:
    values = torch.tensor([[1.0, 5.0, 3.0, 9.0], [2.0, 2.0, 2.0, 9.0]])
    mask = torch.tensor([[True, True, True, False], [True, True, True, True]])
    # Half of three tokens is two; half of four two, of which the tie goes to the first.
    expected = [[False, True, True, False], [True, False, False, True]]
    assert rarest(values, mask, 0.5).tolist() == expected
    assert rarest(values, mask, 1.0).tolist() == mask.tolist()


@pytest.mark.parametrize(("length", "kept"), [(1, "1011011101"), (2, "0011011100"), (3, "0000011100"), (4, "0" * 10)])
def test_runs_of_neighbours(length: int, kept: str) -> None:
    chosen = torch.tensor([[digit == "1" for digit in "1011011101"]])
    assert in_runs(chosen, length).tolist() == [[digit == "1" for digit in kept]]


def test_a_run_longer_than_the_row_is_none() -> None:
    assert not in_runs(torch.ones(2, 3, dtype=torch.bool), 4).any()


def test_only_what_stands_out_of_the_group_counts() -> None:
    # 3, 0, 1, 3: see above; a group without spread gives nothing.
    found = positive_part(torch.tensor([[3.0, 0.0, 1.0, 3.0], [0.7, 0.7, 0.7, 0.7]]))
    torch.testing.assert_close(found, torch.tensor([[5 / 6, 0, 0, 5 / 6], [0, 0, 0, 0]]))


def test_an_advantage_changes_by_a_share_of_itself_and_keeps_its_sign() -> None:
    plain = torch.tensor([2.0, 2.0, -2.0, -2.0, 0.0])
    found = bounded(plain, torch.tensor([0.1, 9.0, 0.1, 9.0, 9.0]), 0.25)
    torch.testing.assert_close(found, torch.tensor([2.1, 2.5, -1.9, -1.5, 0.0]))


def test_coin_flips_count_visits(make_batch: BatchFactory) -> None:
    one = Merci(learning_rate=0.01)
    often = make_batch((1,) * 4, hidden=[[[3.0, 1.0, -2.0, 0.5]]] * 4, lengths=(1,) * 4, seed=5)
    never = make_batch((1,) * 4, hidden=[[[-1.0, 4.0, 1.0, -3.0]]] * 4, lengths=(1,) * 4, seed=6)
    shaped, current = shape(one, often, one.init())
    first = shaped.diagnostics["rarity"]
    for _ in range(150):
        shaped, current = shape(one, often, current)
    assert shaped.diagnostics["rarity"] < 0.2 * first
    assert shaped.diagnostics["coin_loss"] == pytest.approx(1, abs=0.4)  # the variance of a coin
    assert shape(one, never, current)[0].diagnostics["rarity"] > 3 * shaped.diagnostics["rarity"]


def test_a_new_network_is_optimistic(make_batch: BatchFactory) -> None:
    shaped, _ = shape(Merci(coins=200), make_batch(), Merci().init())
    assert shaped.diagnostics["rarity"] == pytest.approx(1, abs=0.4)


def test_groups_of_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"groups have 1 rollout.*Choose larger groups"):
        Merci().check(RunSettings(group_size=1))
    Merci().check(RunSettings(group_size=2))
    Merci(weight=0.0).check(RunSettings(group_size=1))
