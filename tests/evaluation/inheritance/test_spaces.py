"""Networks of every space inherit from their neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from inheriting_networks import trained
from torch import nn

import bonas
from bonas.evaluation import inherit_weights
from bonas.spaces import (
    CellSpace,
    Choices,
    DARTSSpace,
    MLPSpace,
    MobileSpace,
    NASBench101Space,
    NASBench201,
    RecurrentSpace,
    Space,
    Stage,
    TransformerSpace,
)

IMAGE, ROWS = (3, 8, 8), (8, 6)


@bonas.space(input=torch.zeros(1, 6))
def family(choose: Any) -> nn.Module:
    """Build hidden layers of one width."""
    width = choose("width", [8, 12, 16])
    layers: list[nn.Module] = [nn.Linear(6, width)]
    for _ in range(choose("depth", [1, 2, 3])):
        layers += [nn.Linear(width, width), choose("activation", [nn.ReLU, nn.Tanh])()]
    return nn.Sequential(*layers, nn.Linear(width, 4))


SPACES: dict[str, tuple[Callable[[], Space], tuple[int, ...], float]] = {
    "nas-bench-201": (lambda: NASBench201(channels=4, cells=1), IMAGE, 0.5),
    "cell": (lambda: CellSpace(nodes=4, channels=4, cells=1), IMAGE, 0.5),
    "nas-bench-101": (lambda: NASBench101Space(channels=8, cells=1), IMAGE, 0.5),
    "darts": (lambda: DARTSSpace(nodes=2, channels=4, cells=3), IMAGE, 0.5),
    "mobile": (lambda: MobileSpace((Stage((8, 16)), Stage((16, 24), stride=2))), IMAGE, 0.5),
    "transformer": (lambda: TransformerSpace(inputs=6, length=8, widths=(16, 32)), ROWS, 0.5),
    "recurrent": (lambda: RecurrentSpace(inputs=6, length=8), ROWS, 0.25),  # cells share nothing
    "perceptron": (lambda: MLPSpace(6, 4), (6,), 0.5),
    "family": (lambda: family, (6,), 0.5),
}
"""A name -> the space, the shape of an input, the least mean share that neighbours inherit."""


def neighbours(space: Space, number: int) -> Iterator[tuple[Choices, Choices]]:
    rng = np.random.default_rng(5)
    for _ in range(number):
        own = space.sample(rng)
        yield own, next(space.neighbours(own, rng), own)


@pytest.mark.parametrize("name", SPACES)
def test_a_neighbour_inherits_and_can_be_trained(name: str) -> None:
    make, shape, least = SPACES[name]
    space, x = make(), torch.randn(12, *shape, generator=torch.Generator().manual_seed(1))
    shares = []
    for own, other in neighbours(space, 5):
        torch.manual_seed(4)
        parent, child = trained(space.build(own), shape), space.build(other)
        found = inherit_weights(child, parent, x)
        assert math.isfinite(found.difference)
        assert all(bool(weight.isfinite().all()) for weight in child.state_dict().values())
        child.train()(x).square().sum().backward()
        shares.append(found.share)
    assert np.mean(shares) > least
