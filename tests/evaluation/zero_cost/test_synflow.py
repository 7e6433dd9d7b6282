"""Facts about synaptic flow."""

from __future__ import annotations

import math

import pytest
import torch
from probes import Called, linear, probe_of
from torch import nn

from bonas.errors import NoScore
from bonas.evaluation.zero_cost.synflow import synflow


def test_each_layer_passes_on_the_whole_flow() -> None:
    # |W1| 1 = (3, 7), |W2| (3, 7) = 5 * 3 + 6 * 7 = 57: R = 57 flows through either layer.
    network = linear([[1, -2], [3, 4]], [[-5, 6]])
    assert synflow(probe_of(network, torch.randn(4, 2))) == pytest.approx(math.log(2 * 57))


def test_it_does_not_depend_on_the_data() -> None:
    network = linear([[1, -2], [3, 4]], [[-5, 6]])
    assert synflow(probe_of(network, torch.zeros(2, 2))) == synflow(
        probe_of(network, torch.full((9, 2), -7.0))
    )


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm1d(2), nn.LayerNorm(2), nn.RMSNorm(2), nn.GroupNorm(1, 2)]
)
def test_normalisations_are_left_out(norm: nn.Module) -> None:
    plain = linear([[1, -2], [3, 4]], [[-5, 6]])
    normed = nn.Sequential(plain[0], norm, *plain[1:])  # type: ignore[index]  # a Sequential
    x = torch.randn(4, 2)
    assert synflow(probe_of(normed, x)) == synflow(probe_of(plain, x))


def test_an_embedding_gives_ones() -> None:
    network = nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), linear([[1, -2, 3, -4]]))
    found = synflow(probe_of(network, torch.tensor([[0, 1], [2, 3], [4, 4]])))
    assert found == pytest.approx(math.log(10))


def test_values_beyond_float32_are_finite() -> None:
    layers = [nn.Linear(64, 64, bias=False) for _ in range(60)]
    found = synflow(probe_of(nn.Sequential(*layers), torch.ones(2, 64)))
    assert 88.8 < found < 700.0  # log of the largest numbers of float32 and float64


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU()).train()
    network[0].to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not declared
    before = {name: value.clone() for name, value in network.state_dict().items()}
    places = [weight.data_ptr() for weight in network.parameters()]
    synflow(probe_of(network, torch.randn(4, 3, 5, 5)))
    for name, value in network.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])
    assert [weight.data_ptr() for weight in network.parameters()] == places
    assert all(module.training for module in network.modules())
    assert all(weight.grad is None for weight in network.parameters())


def test_a_network_that_insists_on_float32_is_scored_in_it() -> None:
    network = nn.Sequential(Called(torch.Tensor.float), linear([[1, -2], [3, 4]], [[-5, 6]]))
    assert synflow(probe_of(network, torch.ones(2, 2))) == pytest.approx(math.log(2 * 57))


def test_an_error_leaves_the_network_as_it_was() -> None:
    def fail(x: torch.Tensor) -> torch.Tensor:
        raise IndexError("too far")

    network = nn.Sequential(nn.Linear(2, 2), Called(fail))
    with pytest.raises(NoScore, match=r"IndexError: too far; leave out"):
        synflow(probe_of(network, torch.ones(2, 2)))
    assert network[0].weight.dtype == torch.float32
    assert bool((network[0].weight < 0).any())


def test_a_network_through_which_nothing_flows_has_minus_infinity() -> None:
    network = nn.Sequential(linear([[1, 2]]), Called(lambda x: x * 0.0))
    assert synflow(probe_of(network, torch.ones(2, 2))) == -math.inf
