"""One-hot choices."""

from __future__ import annotations

import torch
from torch import nn

import bonas
from bonas.encoders import (
    Encoder,
    OneHot,
)
from bonas.spaces import (
    CellSpace,
    Space,
)
from bonas.testing import EncoderContract


class TestOneHot(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return OneHot(space)


def test_every_two_combinations_of_choices_differ() -> None:
    space = CellSpace(nodes=3, operations=("none", "skip_connect", "nor_conv_3x3"))
    X = OneHot(space).encode([space.architecture(choices) for choices in space])
    assert X.shape == (22, 9)  # of 27 combinations those with a path
    assert len(X.unique(dim=0)) == 22
    assert bool((X.sum(1) == 3).all())  # one choice per parameter


def test_an_inactive_parameter_has_zeros() -> None:
    @bonas.space(input=torch.zeros(1, 4))
    def net(choose: bonas.Choose) -> nn.Module:
        layers = [nn.Linear(4, 4) for _ in range(choose("depth", [1, 2]))]
        if len(layers) == 2:
            layers.insert(1, choose("act", {"relu": nn.ReLU, "tanh": nn.Tanh}))
        return nn.Sequential(*layers)

    encoder = OneHot(net)
    shallow, deep = encoder.encode(
        [net.architecture({"depth": 1}), net.architecture({"depth": 2, "act": "tanh"})]
    )
    columns = [i for (name, _), i in encoder.column.items() if name == "act"]
    assert shallow[columns].tolist() == [0.0, 0.0]
    assert deep[columns].tolist() == [0.0, 1.0]
