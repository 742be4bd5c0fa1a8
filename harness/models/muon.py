"""Muon: momentum whose matrix updates are made orthogonal.

Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/. torch's own works in bfloat16, which CPUs without
hardware for it emulate slowly; this one is float32, and takes matrices of one shape together.
"""

# M = matrices of one shape, R = rows, C = columns, R <= C

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic that brings singular values near 1 (same source)."""
ITERATIONS = 5
MOMENTUM = 0.95


class Muon:
    """The state of the method for a set of matrices."""

    def __init__(self, matrices: Iterable[torch.nn.Parameter], *, weight_decay: float) -> None:
        """Take the matrices to train.

        Args:
            matrices: Parameters of two dimensions.
            weight_decay: Share of a matrix taken off per step and unit of learning rate.
        """
        import torch

        ordered = sorted(matrices, key=lambda matrix: tuple(matrix.shape))
        self._groups = [list(group) for _, group in groupby(ordered, key=lambda matrix: tuple(matrix.shape))]
        self._momenta = [torch.stack([torch.zeros_like(matrix) for matrix in group]) for group in self._groups]
        self._weight_decay = weight_decay

    def step(self, learning_rate: float) -> None:
        """Update every matrix from its gradient.

        Args:
            learning_rate: Root mean square of the change of a square matrix's singular values.
        """
        import torch

        with torch.no_grad():
            for group, momentum_MRC in zip(self._groups, self._momenta, strict=True):
                gradient_MRC = torch.stack([matrix.grad for matrix in group if matrix.grad is not None])
                momentum_MRC.lerp_(gradient_MRC, 1 - MOMENTUM)
                update_MRC = orthogonalise(gradient_MRC.lerp(momentum_MRC, MOMENTUM))
                rows, columns = update_MRC.shape[1:]
                scale = learning_rate * max(1.0, rows / columns) ** 0.5
                for matrix, update_RC in zip(group, update_MRC, strict=True):
                    matrix.mul_(1 - learning_rate * self._weight_decay).sub_(update_RC, alpha=scale)


def orthogonalise(matrices_MRC: torch.Tensor) -> torch.Tensor:
    """Return matrices of the same singular vectors whose singular values are near 1, shape (M, R, C)."""
    tall = matrices_MRC.shape[1] > matrices_MRC.shape[2]
    x_MRC: torch.Tensor = matrices_MRC.mT if tall else matrices_MRC
    x_MRC = x_MRC / (x_MRC.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram_MRR = x_MRC @ x_MRC.mT
        x_MRC = a * x_MRC + (b * gram_MRR + c * gram_MRR @ gram_MRR) @ x_MRC
    return x_MRC.mT if tall else x_MRC
