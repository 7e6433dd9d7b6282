"""Every space that comes with bonas keeps the contract of spaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

import bonas
from bonas.spaces import (
    CellSpace,
    Choice,
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
from bonas.testing import SpaceContract

STAGES = (Stage((8, 16)), Stage((16, 24), stride=2))


class TestCells(SpaceContract):
    def space(self) -> Space:
        return CellSpace(nodes=3, channels=4, cells=1, image_size=8)


class TestBoundedCells(SpaceContract):
    def space(self) -> Space:
        return NASBench201(channels=4, cells=1, image_size=8, max_params=5_000, max_flops=2e5)


class TestDARTS(SpaceContract):
    def space(self) -> Space:
        return DARTSSpace(2, channels=4, cells=3, image_size=8)


class TestNASBench101(SpaceContract):
    def space(self) -> Space:
        return NASBench101Space.small()


class TestMobile(SpaceContract):
    def space(self) -> Space:
        return MobileSpace(STAGES, image_size=8)


class TestBoundedMobile(SpaceContract):
    def space(self) -> Space:
        return MobileSpace(STAGES, image_size=8, max_params=12_000, max_memory=2e5)


class TestLanguageModels(SpaceContract):
    def space(self) -> Space:
        return TransformerSpace(task="language_model", vocabulary=20, length=8, per_layer=True)


class TestVisionTransformers(SpaceContract):
    def space(self) -> Space:
        return TransformerSpace(image_size=8)


class TestRecurrent(SpaceContract):
    def space(self) -> Space:
        return RecurrentSpace(widths=(4, 5))


class TestPerceptrons(SpaceContract):
    def space(self) -> Space:
        return MLPSpace(8, 3, max_dropout=0.5)


def networks(choose: Any) -> nn.Module:
    """Build chains of linear layers of one width."""
    width = choose("width", [4, 8])
    layers = [nn.Linear(width, width) for _ in range(choose("depth", [1, 2]))]
    return nn.Sequential(nn.Linear(6, width), *layers, nn.Linear(width, 3))


class TestFamilies(SpaceContract):
    def space(self) -> Space:
        return bonas.space(networks, input=torch.zeros(1, 6))


class Chains(Space):
    """A space without a graph: it is traced."""

    parameters: Mapping[str, Sequence[Choice]] = {"width": (4, 8), "depth": (1, 2)}
    input_shape = (6,)

    def build(self, choices: Any) -> nn.Module:
        return networks(lambda name, options: choices[name])


class TestTracedSpaces(SpaceContract):
    def space(self) -> Space:
        return Chains()
