"""Random projections keep inner products in expectation, whatever is kept, and say what they need."""

from __future__ import annotations

import pytest
import torch

from strategies.gradient.projection import Size, features, kept, last_block, matrix_bytes, projected, projection

CPU = torch.device("cpu")


@pytest.mark.parametrize("keep", [3, 12, 48])
def test_lengths_and_angles_are_kept_in_the_mean(keep: int) -> None:
    x, y = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    found = []
    for number in range(400):
        a, b = (projected(vector, projection(f"layer {number}", 64, keep, CPU)) for vector in (x, y))
        found.append([float(a @ a), float(a @ b)])
    lengths, products = torch.tensor(found).T
    # The variance of either is about 2/keep of |x|⁴ and of |x|²|y|²; four standard errors.
    scale = float(x @ x)
    assert abs(float(lengths.mean()) - scale) < 4 * scale * (2 / keep / 400) ** 0.5
    assert abs(float(products.mean()) - float(x @ y)) < 4 * float(x.norm() * y.norm()) * (2 / keep / 400) ** 0.5


def test_the_same_name_is_the_same_matrix_and_another_is_another() -> None:
    one = projection("a", 8, 4, CPU)
    projection.cache_clear()
    again, other = projection("a", 8, 4, CPU), projection("b", 8, 4, CPU)
    assert one is not None
    assert again is not None
    assert other is not None
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert projection("a", 8, 8, CPU) is None


@pytest.mark.parametrize(
    ("inputs", "outputs", "dimension", "sides"),
    [(96, 288, 128, (11, 11)), (96, 2, 128, (64, 2)), (3, 100, 30, (3, 10)), (2, 2, 100, (2, 2)), (9, 9, 1, (1, 1))],
)
def test_what_is_kept_is_a_square_or_all_of_a_smaller_side(
    inputs: int, outputs: int, dimension: int, sides: tuple[int, int]
) -> None:
    side = kept(inputs, outputs, dimension)
    assert (side.inputs, side.outputs) == sides
    assert side.inputs * side.outputs <= dimension


def test_what_it_needs_is_counted() -> None:
    layers = [Size("a", 96, 288), Size("b", 2, 2)]
    assert features(layers, 128) == 11 * 11 + 4
    assert matrix_bytes(layers, 128) == 4 * (96 * 11 + 288 * 11)


def test_the_last_block_is_that_of_the_longest_list() -> None:
    names = ["model.layers.0.up", "model.layers.1.up", "model.layers.10.up", "model.layers.10.down", "vision.0.up"]
    assert last_block(names) == {"model.layers.10.up", "model.layers.10.down"}
    with pytest.raises(ValueError, match="no transformer blocks found"):
        last_block(["up", "down"])
