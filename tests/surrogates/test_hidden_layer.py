"""The hidden layer learns values and their order, from what each member may see."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bonas.surrogates.hidden_layer import HiddenLayer, _ranking_loss, train_hidden_layer


def data(n: int = 300) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs of two members, a target that is not linear in them, and rows to keep."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, n, 3, dtype=torch.float64, generator=generator)
    inputs[1] = inputs[0]
    z = torch.sin(3 * inputs[0, :, :1])
    return inputs, z, torch.ones(2, n, dtype=torch.float64)


def trained(inputs: Tensor, z: Tensor, keep: Tensor, steps: int, seed: int = 0) -> HiddenLayer:
    generator = torch.Generator().manual_seed(seed)
    return train_hidden_layer(inputs, z, keep, 8, steps, 0.5, generator)


def error(layer: HiddenLayer, inputs: Tensor, z: Tensor) -> float:
    """Compute the squared error of the best linear last layer of the first member."""
    features = layer.features(inputs)[0]
    solution = torch.linalg.lstsq(features, z).solution
    return float((features @ solution - z).square().mean())


def test_features_are_one_the_inputs_and_the_hidden_units() -> None:
    inputs, _, _ = data(5)
    weight, bias = torch.zeros(2, 3, 4).double(), torch.full((2, 1, 4), 2.0).double()
    phi = HiddenLayer(weight, bias).features(inputs)
    assert phi.shape == (2, 5, 1 + 3 + 4)
    assert bool((phi[..., 0] == 1.0).all())
    torch.testing.assert_close(phi[..., 1:4], inputs / math.sqrt(3))
    silu = 2.0 / (1.0 + math.exp(-2.0))
    torch.testing.assert_close(phi[..., 4:], torch.full_like(phi[..., 4:], silu))


def test_training_helps_a_linear_last_layer() -> None:
    inputs, z, keep = data()
    assert error(trained(inputs, z, keep, 200), inputs, z) < 0.5 * error(
        trained(inputs, z, keep, 0), inputs, z
    )


def test_the_same_seed_trains_the_same_layer_and_leaves_no_gradient() -> None:
    inputs, z, keep = data()
    one, two, other = (trained(inputs, z, keep, 3, seed) for seed in (1, 1, 2))
    assert torch.equal(one.weight, two.weight)
    assert not torch.equal(one.weight, other.weight)
    assert not one.weight.requires_grad


def test_the_ranking_loss_is_that_of_pairs_by_hand() -> None:
    # the permutation of two values is either the identity (no pair counts) or the swap, in which
    # both pairs have the difference 3 in the wrong order: softplus(3)
    prediction = torch.tensor([[[1.0], [-2.0]]], dtype=torch.float64)
    z, keep = torch.tensor([[0.0], [1.0]]).double(), torch.ones(1, 2).double()
    generator = torch.Generator().manual_seed(0)
    found = {round(float(_ranking_loss(prediction, z, keep, generator)), 9) for _ in range(20)}
    assert found == {0.0, round(math.log1p(math.exp(3.0)), 9)}


@pytest.mark.parametrize("left_out", [0, 1])
def test_a_pair_with_a_row_left_out_does_not_count(left_out: int) -> None:
    prediction = torch.tensor([[[1.0], [-2.0]]], dtype=torch.float64)
    z, keep = torch.tensor([[0.0], [1.0]]).double(), torch.ones(1, 2).double()
    keep[0, left_out] = 0.0
    generator = torch.Generator().manual_seed(0)
    losses = [float(_ranking_loss(prediction, z, keep, generator)) for _ in range(20)]
    assert losses == [0.0] * 20
