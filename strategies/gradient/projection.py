"""Random projections of per-layer gradients that keep inner products in expectation.

The gradient of a linear layer's weight is Σ_t d_t a_tᵀ, with a_t the layer's input and d_t the gradient at its output.
Projecting the two sides apart, Σ_t (P_o d_t)(P_i a_t)ᵀ, is the projection of the whole by P_o ⊗ P_i, and never makes
the whole (LoGra, Choe et al. 2024, arXiv 2405.13954, section 3). Entries are Gaussian with variance one over the
numbers kept, so that E⟨Px, Py⟩ = ⟨x, y⟩. Each matrix depends on the layer's name and size alone, so what is made
in different steps, and in different runs, can be compared.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

import torch
from torch import Tensor

BYTES = 4
"""Of a float32."""


class Kept(NamedTuple):
    """How many numbers are kept of each side of a layer's gradient."""

    inputs: int
    outputs: int


class Size(NamedTuple):
    """A linear layer."""

    name: str
    inputs: int
    outputs: int


def kept(inputs: int, outputs: int, dimension: int) -> Kept:
    """Return how many numbers to keep of each side: a square of at most `dimension`, or all of a side that is smaller.

    Raises:
        ValueError: If `dimension` is less than 1.
    """
    if dimension < 1:
        raise ValueError(f"a projection keeps at least 1 number for each layer, got {dimension}")
    kept_inputs = min(inputs, isqrt(dimension))
    kept_outputs = min(outputs, dimension // kept_inputs)
    return Kept(min(inputs, dimension // kept_outputs), kept_outputs)


def features(layers: Iterable[Size], dimension: int) -> int:
    """Return K, the numbers that all of `layers` give together."""
    sides = (kept(layer.inputs, layer.outputs, dimension) for layer in layers)
    return sum(side.inputs * side.outputs for side in sides)


def matrix_bytes(layers: Iterable[Size], dimension: int) -> int:
    """Return the memory that the projections of `layers` take; a side that is kept whole needs none."""
    numbers = 0
    for layer in layers:
        side = kept(layer.inputs, layer.outputs, dimension)
        numbers += layer.inputs * side.inputs if side.inputs < layer.inputs else 0
        numbers += layer.outputs * side.outputs if side.outputs < layer.outputs else 0
    return BYTES * numbers


@lru_cache(maxsize=4096)
def projection(name: str, size: int, keep: int, device: torch.device) -> Tensor | None:
    """Return the matrix (size, keep) float32 that one side of a layer is multiplied with; None where all is kept.

    Args:
        name: Of the layer and the side; with `size` and `keep` it decides every number.
        size: Numbers before.
        keep: Numbers after.
        device: Where the matrix is kept; it is drawn on the CPU.
    """
    if keep >= size:
        return None
    digest = hashlib.sha256(f"{name}\n{size}\n{keep}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    matrix: Tensor = torch.randn(size, keep, generator=generator) / keep**0.5
    return matrix.to(device)


def projected(values: Tensor, matrix: Tensor | None) -> Tensor:
    """Return `values` (…, size) as (…, keep) float32."""
    return values.float() if matrix is None else (values @ matrix.to(values.dtype)).float()


def last_block(names: Collection[str]) -> set[str]:
    """Return those of `names` that belong to the last transformer block: model.layers.27.mlp.up_proj, of 28.

    Raises:
        ValueError: If no name has a number in it.
    """
    places = {name: place for name in names if (place := _block(name)) is not None}
    if not places:
        raise ValueError(
            f"no transformer blocks found: none of {', '.join(sorted(names)[:5])} has a number in its name"
        )
    ((stack, _),) = Counter(stack for stack, _ in places.values()).most_common(1)
    last = max(number for found, number in places.values() if found == stack)
    return {name for name, place in places.items() if place == (stack, last)}


def _block(name: str) -> tuple[str, int] | None:
    """Return the list of blocks that a module is in, and which of them it is in."""
    parts = name.split(".")
    for depth, part in enumerate(parts):
        if part.isdecimal():
            return ".".join(parts[:depth]), int(part)
    return None
