"""A small network as plain tensors: made, run and trained by functions that change nothing they are given.

Its weights and Adam moments can lie in a strategy's state, be saved with it, and go on as if nothing had happened.
Layer i is a matrix (out, in) and a bias (out,); between layers stands a leaky rectifier, after the last one nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt
from typing import TypedDict

import torch
from torch import Generator, Tensor
from torch.nn import functional

SLOPE = 0.01
"""Of the rectifier below zero; torch's default."""
DECAYS = (0.9, 0.999)
"""Of Adam's first and second moments; torch's defaults."""
EPS = 1e-8
"""Added to the root of Adam's second moment; torch's default."""


class Network(TypedDict):
    """A network in training: weights, Adam's moments of the same shapes, and the steps taken."""

    weights: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    steps: int


def layers(sizes: Sequence[int], generator: Generator) -> list[Tensor]:
    """Return random weights on the CPU for a network with `sizes` units, input first, output last.

    Matrices have variance 2 / in, the last one 1 / in, so that inputs of unit variance give outputs of about unit
    variance; biases are zero (He et al. 2015, arXiv 1502.01852).
    """
    weights: list[Tensor] = []
    for place, (fan_in, fan_out) in enumerate(pairwise(sizes), start=2):
        gain = 1.0 if place == len(sizes) else 2.0
        weights.append(torch.randn(fan_out, fan_in, generator=generator) * sqrt(gain / fan_in))
        weights.append(torch.zeros(fan_out))
    return weights


def untrained(weights: list[Tensor]) -> Network:
    """Return a network with `weights` and no training behind it."""
    zeros = [torch.zeros_like(weight) for weight in weights]
    return Network(weights=weights, first=zeros, second=list(zeros), steps=0)


def forward(weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Return the network's outputs (N, out) for `inputs` (N, in)."""
    values = functional.linear(inputs, weights[0], weights[1])
    for matrix, bias in zip(weights[2::2], weights[3::2], strict=True):
        values = functional.linear(functional.leaky_relu(values, SLOPE), matrix, bias)
    return values


def on(weights: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """Return `weights` on `device`; a state that was loaded may lie elsewhere."""
    return [weight.to(device) for weight in weights]


def trained(
    network: Network, loss: Callable[[list[Tensor]], Tensor], *, rate: float, decay: float = 0.0
) -> tuple[Network, float]:
    """Return `network` after one step down the gradient of `loss`, and the loss before it.

    Args:
        network: What is trained; it stays as it is.
        loss: (weights) → a scalar.
        rate: Adam's learning rate.
        decay: Decoupled weight decay, as a share of the learning rate.
    """
    with torch.inference_mode(False), torch.enable_grad():
        weights = [weight.clone().requires_grad_() for weight in network["weights"]]
        value = loss(weights)
        gradients = torch.autograd.grad(value, weights)
    return adam_step(network, gradients, rate=rate, decay=decay), value.item()


def adam_step(network: Network, gradients: Sequence[Tensor], *, rate: float, decay: float = 0.0) -> Network:
    """Return `network` after one step of AdamW.

    References:
        Kingma & Ba 2015, arXiv 1412.6980, algorithm 1; Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2.
    """
    steps = network["steps"] + 1
    slow, slower = DECAYS
    first = [slow * m + (1 - slow) * g for m, g in zip(network["first"], gradients, strict=True)]
    second = [slower * v + (1 - slower) * g.square() for v, g in zip(network["second"], gradients, strict=True)]
    weights = [
        weight * (1 - rate * decay) - rate * (m / (1 - slow**steps)) / ((v / (1 - slower**steps)).sqrt() + EPS)
        for weight, m, v in zip(network["weights"], first, second, strict=True)
    ]
    return Network(weights=weights, first=first, second=second, steps=steps)


def moved_to(network: Network, device: torch.device) -> Network:
    """Return `network` with all its tensors on `device`."""
    return Network(
        weights=on(network["weights"], device),
        first=on(network["first"], device),
        second=on(network["second"], device),
        steps=network["steps"],
    )
