"""Operations of networks, run alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bonas.evaluation.remote.operations import operations_of
from bonas.spaces import Example, NASBench201
from bonas.spaces.mobile.space import MobileSpace


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.second = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        y = self.second(x) + x
        return torch.cat([y, x], 1).mean((2, 3)).view(len(x), -1)


EXAMPLE = Example.of(torch.zeros(2, 3, 8, 8))


def test_norm_and_activation_belong_to_the_convolution_before_them() -> None:
    found = operations_of(Network(), EXAMPLE)
    assert [operation.kind for operation in found] == ["conv2d", "conv2d", "add", "concat", "mean"]
    assert [len(operation.calls) for operation in found] == [3, 1, 1, 1, 1]


def test_a_convolution_alone_computes_what_it_computes_in_the_network() -> None:
    network = Network().eval()
    alone = operations_of(network, EXAMPLE)[0].alone()
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(alone(x), network.first(x))


def test_an_activation_of_another_tensor_is_an_operation_of_its_own() -> None:
    class Branch(Network):
        def forward(self, x: Tensor) -> Tensor:
            y = self.first[0](x)
            z = y * 2.0
            return z + torch.relu(y)

    kinds = [operation.kind for operation in operations_of(Branch(), EXAMPLE)]
    assert kinds == ["conv2d", "mul", "relu", "add"]


def test_equal_operations_have_one_signature_and_others_another() -> None:
    def signature(layer: nn.Module, size: int = 8) -> str:
        (found,) = operations_of(layer, Example.of(torch.zeros(1, 4, size, size)))
        return found.signature

    assert signature(nn.Conv2d(4, 4, 3)) == signature(nn.Conv2d(4, 4, 3))
    others = [
        signature(nn.Conv2d(4, 4, 3)),
        signature(nn.Conv2d(4, 4, 3, stride=2)),
        signature(nn.Conv2d(4, 4, 3, groups=4)),
        signature(nn.Conv2d(4, 8, 3)),
        signature(nn.Conv2d(4, 4, 3, bias=False)),
        signature(nn.Conv2d(4, 4, 3), size=9),
        signature(nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())),
    ]
    assert len(set(others)) == len(others)


@pytest.mark.parametrize("space", [NASBench201(channels=4, cells=1), MobileSpace()])
def test_every_operation_of_a_space_runs_alone(space: NASBench201 | MobileSpace) -> None:
    network = space.build_for(space.sample(np.random.default_rng(0)), None)
    for operation in operations_of(network, Example.of(torch.rand(1, 3, 32, 32))):
        operation.alone().eval()(*operation.example.args)
