"""RND: what its network's errors are worth, to whom, and how they fade."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from strategies import Rollouts, Shaped, State
from strategies.rewards.predictor import untrained
from strategies.rewards.rnd import RND, min_max, standardised

BatchFactory = Callable[..., Rollouts]

# One feature 0, 3, 9 over the batch: mean 4, variance 14: −1.069045, −0.267261, 1.336306. The target gives σ(0) = 0.5,
# the predictor σ(x) = 0.255585, 0.433580, 0.791882; errors 0.059739, 0.004412, 0.085195; scaled 0.684883, 0, 1.
HIDDEN = [[[0.0]], [[3.0]], [[9.0]]]
SCALED = (0.684883, 0.0, 1.0)


def state(batches: int = 0) -> State:
    target = [torch.zeros(1, 1), torch.zeros(1)]
    return {"batches": batches, "target": target, "network": untrained([torch.ones(1, 1), torch.zeros(1)])}


def shape(one: RND, batch: Rollouts, before: State) -> tuple[Shaped, State]:
    shaped, after = one.shape(batch, before)
    assert shaped is not None
    return shaped, after


def trio(make_batch: BatchFactory, rewards: tuple[float, ...]) -> Rollouts:
    return make_batch(rewards, group_size=3, hidden=HIDDEN, lengths=(1, 1, 1))


def test_only_wrong_answers_are_paid_up_to_a_half(make_batch: BatchFactory) -> None:
    batch = trio(make_batch, (0, 0, 1))
    shaped, after = shape(RND(), batch, state())
    expected = torch.tensor([0.5 * SCALED[0], 0.0, 0.0])
    torch.testing.assert_close(shaped.advantages - batch.advantages, expected, atol=1e-5, rtol=0)
    assert after["batches"] == 1
    assert shaped.diagnostics["prediction_error"] == pytest.approx((0.059739 + 0.004412 + 0.085195) / 3, abs=1e-5)
    assert shaped.diagnostics["paid"] == pytest.approx(1 / 3)


def test_a_reward_short_of_one_is_paid_too(make_batch: BatchFactory) -> None:
    batch = trio(make_batch, (1, 0, 0.1))
    shaped, _ = shape(RND(), batch, state())
    torch.testing.assert_close(shaped.advantages - batch.advantages, torch.tensor([0, 0, 0.5]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("one", "batches", "scale"),
    [(RND(), 0, 1.0), (RND(), 40, 0.5), (RND(strength=10.0, divisor=5.0, growth=0.5), 10, 1.0)],
)
def test_it_fades(one: RND, batches: int, scale: float, make_batch: BatchFactory) -> None:
    batch = trio(make_batch, (0, 0, 0))
    shaped, _ = shape(one, batch, state(batches))
    expected = 0.5 * scale * torch.tensor(SCALED)
    torch.testing.assert_close(shaped.advantages, expected, atol=1e-5, rtol=0)
    assert shaped.diagnostics["scale"] == pytest.approx(scale)


def test_the_predictor_learns_and_the_target_stays(make_batch: BatchFactory) -> None:
    one = RND(learning_rate=0.05)
    current, errors = one.init(), []
    for _ in range(20):
        shaped, current = shape(one, make_batch(seed=3), current)
        errors.append(shaped.diagnostics["prediction_error"])
    assert errors[-1] < 0.1 * errors[0]
    assert current["network"]["steps"] == 20
    _, first = shape(one, make_batch(seed=3), one.init())
    for before, after in zip(first["target"], current["target"], strict=True):
        assert torch.equal(before, after)


def test_networks_have_the_authors_shape(make_batch: BatchFactory) -> None:
    _, after = shape(RND(), make_batch(), RND().init())
    shapes = [tuple(weight.shape) for weight in after["target"]]
    assert shapes == [(16, 6), (16,), (8, 16), (8,), (1, 8), (1,)]
    assert not torch.equal(after["target"][0], after["network"]["weights"][0])


def test_weights_decay_as_in_adamw(make_batch: BatchFactory) -> None:
    # Nothing gets through the first layer, so predictor and target agree at 0.5 and there is no gradient.
    weights = [torch.zeros(1, 1), torch.zeros(1), torch.full((1, 1), 2.0), torch.zeros(1)]
    before = {**state(), "network": untrained(weights)}
    _, after = shape(RND(learning_rate=0.1), trio(make_batch, (0, 0, 0)), before)
    assert after["network"]["weights"][2].item() == pytest.approx(2 * (1 - 0.1 * 0.01))


def test_equal_errors_are_worth_nothing() -> None:
    assert min_max(torch.full((3,), 0.2)).tolist() == [0, 0, 0]
    assert min_max(torch.tensor([3.0, 1.0, 2.0])).tolist() == [1, 0, 0.5]


def test_features_are_standardised_over_the_batch() -> None:
    # −4, −1, 5 over √14; a feature without spread becomes zero.
    found = standardised(torch.tensor([[0.0, 7.0], [3.0, 7.0], [9.0, 7.0]]))
    expected = torch.tensor([[-1.069045, 0.0], [-0.267261, 0.0], [1.336306, 0.0]])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
