"""The source of a network computes what the network computes, on this and on other inputs."""

from typing import Any

import numpy as np
import pytest
import torch
from hard_networks import UNWRITABLE, WRITABLE
from torch import Tensor, nn

import bonas
from bonas.evaluation.export.export import _difference
from bonas.evaluation.export.source import NoSource, source_of
from bonas.evaluation.export.source.network_source import built_from
from bonas.evaluation.runtimes.deliverable import deliverable
from bonas.spaces import (
    DARTSSpace,
    Example,
    MLPSpace,
    MobileSpace,
    NASBench101Space,
    NASBench201,
    RecurrentSpace,
    Space,
    TransformerSpace,
)

IMAGES = torch.linspace(-1, 1, 2 * 3 * 16 * 16).view(2, 3, 16, 16)
SPACES: dict[str, tuple[Space, Tensor]] = {
    "cells": (NASBench201(channels=4, cells=1), IMAGES),
    "darts": (DARTSSpace(channels=4, cells=3), IMAGES),
    "mobile": (MobileSpace(), IMAGES),
    "nas_bench_101": (NASBench101Space(channels=8), IMAGES),
    "mlp": (MLPSpace(inputs=6, classes=3), torch.linspace(-1, 1, 12).view(2, 6)),
    "recurrent": (RecurrentSpace(inputs=3), torch.linspace(-1, 1, 30).view(2, 5, 3)),
    "images as tokens": (
        TransformerSpace(attentions=("sliding_window", "grouped_query"), depths=(1, 2)),
        IMAGES,
    ),
    "language": (
        TransformerSpace(task="language_model", vocabulary=30, length=8, experts=(1, 4)),
        torch.arange(16).view(2, 8),
    ),
}


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("seed", [0, 1])
def test_networks_of_every_space_have_a_source(name: str, seed: int) -> None:
    space, inputs = SPACES[name]
    torch.manual_seed(seed)
    network = space.build(space.sample(np.random.default_rng(seed)))
    _assert_equal(network, Example.of(inputs))


@pytest.mark.parametrize("name", WRITABLE)
def test_hard_networks_have_a_source(name: str) -> None:
    build, inputs = WRITABLE[name]
    torch.manual_seed(0)
    _assert_equal(build(), Example.of(inputs))


def _assert_equal(network: nn.Module, example: Example) -> None:
    own = deliverable(network)
    source = source_of(own, example)
    assert _difference(own, source, example) < 1e-6
    assert set(source.weights) <= set(built_from(source).state_dict())
    assert max(map(len, source.classes.splitlines())) < 120


@pytest.mark.parametrize("name", UNWRITABLE)
def test_a_pass_that_depends_on_values_has_no_source(name: str) -> None:
    build, inputs, reason = UNWRITABLE[name]
    network, example = build(), Example.of(inputs)
    with pytest.raises(NoSource, match=reason):
        _difference(network, source_of(network, example), example)


def test_a_network_is_left_as_it_was() -> None:
    network = SPACES["cells"][0].build(SPACES["cells"][0].sample(np.random.default_rng(0)))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(5)
    source_of(network, Example.of(IMAGES))
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert network.training
    assert all("forward" not in vars(module) for module in network.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_the_same_network_has_the_same_source() -> None:
    space, inputs = SPACES["language"]
    network = space.build(space.sample(np.random.default_rng(3)))
    first, second = (source_of(network, Example.of(inputs)) for _ in range(2))
    assert first.classes == second.classes


def test_source_reads_as_a_person_writes_it() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
            self.unused = nn.Linear(7, 7)

        def forward(self, x: Tensor) -> Tensor:
            y = self.body(x)
            return (x + y).flatten(1) * 2

    source = source_of(Residual(), Example.of(IMAGES))
    assert source.classes == (
        "class Residual(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.body = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())\n"
        "\n"
        "    def forward(self, x):\n"
        "        x1 = self.body(x)\n"
        "        x = x + x1\n"
        "        x = x.flatten(1)\n"
        "        return x * 2"
    )
    assert source.dropped == 56


def test_equal_modules_share_a_class() -> None:
    space, inputs = SPACES["images as tokens"]
    choices = next(
        c for c in (space.sample(np.random.default_rng(i)) for i in range(50)) if c["depth"] == 2
    )
    source = source_of(space.build(choices), Example.of(inputs))
    assert source.classes.count("class Layer") == 1


@bonas.space(input=torch.zeros(2, 1, 8, 8))
def family(choose: Any) -> nn.Module:
    width = choose("width", [4, 8])
    layers: list[nn.Module] = [nn.Conv2d(1, width, 3, padding=1)]
    if choose("deep", [True, False]):
        kernel = choose("kernel", [1, 3])
        layers += [nn.ReLU(), nn.Conv2d(width, width, kernel, padding="same")]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3))


@pytest.mark.parametrize("deep", [True, False])
def test_a_conditional_family_of_a_user_has_a_source(deep: bool) -> None:
    drawn = (family.sample(np.random.default_rng(seed)) for seed in range(50))
    choices = next(each for each in drawn if each["deep"] is deep)
    assert family.example is not None
    _assert_equal(family.build(choices), family.example.filled())
