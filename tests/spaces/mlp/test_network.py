"""Perceptrons: residual layers, and shapes of inputs."""

from __future__ import annotations

import pytest
import torch

from bonas.errors import InvalidData
from bonas.spaces.mlp.space import MLPSpace

SPACE = MLPSpace(6, 3, widths=(4, 6, 8), depths=(1, 2, 3))


def test_a_residual_layer_adds_its_input() -> None:
    space = MLPSpace(4, 2, depths=(1,), widths=(4, 5), norms=("none",), residual=(True,))
    layer = space.build({"activation": "relu", "layer1_width": 4}).get_submodule("layers.0")
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()
    x = torch.randn(3, 4)
    assert torch.equal(layer(x), x)  # relu(0) = 0 is added


def test_inputs_of_more_dimensions_are_flattened() -> None:
    network = SPACE.build(SPACE.completed({})).eval()
    x = torch.randn(2, 1, 2, 3)
    assert torch.equal(network(x), network(x.reshape(2, 6)))


@pytest.mark.parametrize("shape", [(6,), (2, 5), (2, 2, 6)])
def test_inputs_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    network = SPACE.build(SPACE.completed({}))
    with pytest.raises(InvalidData, match="expected a batch of 6 numbers per example, got shape"):
        network(torch.zeros(shape))
