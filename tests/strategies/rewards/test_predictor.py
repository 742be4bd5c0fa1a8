"""The functional network against torch's own layers and optimizer."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from strategies.rewards.predictor import adam_step, forward, layers, moved_to, trained, untrained


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def torch_twin(weights: list[Tensor]) -> nn.Sequential:
    """Return torch's own network with the same weights."""
    parts: list[nn.Module] = []
    for matrix, bias in zip(weights[::2], weights[1::2], strict=True):
        layer = nn.Linear(matrix.shape[1], matrix.shape[0])
        layer.load_state_dict({"weight": matrix, "bias": bias})
        parts += [layer, nn.LeakyReLU()]
    return nn.Sequential(*parts[:-1])


def test_two_layers_by_hand() -> None:
    weights = [torch.tensor([[1.0, 2.0], [-1.0, 0.0]]), torch.tensor([0.5, 0.0]), torch.tensor([[3.0, 100.0]])]
    # Hidden: 1 + 2·2 + 0.5 = 5.5 and −1 → −0.01; output: 16.5 − 1 + 1 = 16.5.
    assert forward([*weights, torch.tensor([1.0])], torch.tensor([[1.0, 2.0]])).item() == pytest.approx(16.5)


def test_forward_is_torchs() -> None:
    weights = layers((5, 7, 4, 2), generator())
    inputs = torch.randn(9, 5, generator=generator(1))
    torch.testing.assert_close(forward(weights, inputs), torch_twin(weights)(inputs).detach())


def test_unit_inputs_give_unit_outputs() -> None:
    outputs = forward(layers((200, 200, 300), generator()), torch.randn(500, 200, generator=generator(1)))
    assert outputs.square().mean().item() == pytest.approx(1, abs=0.1)


def test_training_is_torchs_adamw() -> None:
    weights = layers((3, 4, 2), generator())
    inputs, targets = torch.randn(8, 3, generator=generator(1)), torch.randn(8, 2, generator=generator(2))
    twin = torch_twin(weights)
    optimizer = torch.optim.AdamW(twin.parameters(), lr=0.01, weight_decay=0.1)
    network = untrained(weights)
    for _ in range(4):
        loss = nn.functional.mse_loss(twin(inputs), targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        network, found = trained(
            network, lambda w: nn.functional.mse_loss(forward(w, inputs), targets), rate=0.01, decay=0.1
        )
        assert found == pytest.approx(loss.item(), rel=1e-5)
    assert network["steps"] == 4
    torch.testing.assert_close(network["weights"], [p.detach() for p in twin.parameters()])


def test_the_first_step_of_adam_is_the_rate() -> None:
    # m̂ = g and v̂ = g² in the first step, so the step is rate · g / (|g| + 1e-8).
    network = adam_step(untrained([torch.tensor([1.0, 1.0])]), [torch.tensor([0.5, -2.0])], rate=0.1)
    torch.testing.assert_close(network["weights"][0], torch.tensor([0.9, 1.1]))
    torch.testing.assert_close(network["first"][0], torch.tensor([0.05, -0.2]))
    torch.testing.assert_close(network["second"][0], torch.tensor([0.00025, 0.004]))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_trains_where_gradients_are_off_and_changes_nothing_given(mode: type[torch.no_grad]) -> None:
    network = untrained(layers((2, 2), generator()))
    kept = copy.deepcopy(network)
    with mode():
        after, _ = trained(network, lambda w: forward(w, torch.ones(1, 2)).square().sum(), rate=0.1)
    for old, new, before in zip(network["weights"], after["weights"], kept["weights"], strict=True):
        assert torch.equal(old, before)
        assert not torch.equal(new, old)
        assert not new.requires_grad


def test_a_network_moves_as_a_whole() -> None:
    moved = moved_to(untrained(layers((2, 2), generator())), torch.device("meta"))
    tensors = [*moved["weights"], *moved["first"], *moved["second"]]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
