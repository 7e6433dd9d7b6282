"""Networks to draw: by hand, at random, and of every space that comes with bonas."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bonas import ArchitectureGraph, space, spaces
from bonas.spaces import Outline


class Residual(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.around = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(torch.relu(self.norm(self.first(x))))
        return torch.relu(self.around(x) + y)


@space(input=torch.zeros(1, 3, 16, 16))
def residual_networks(choose: Any) -> nn.Module:
    layers: list[nn.Module] = []
    width = choose("width", [8, 16])
    for stage in range(3):
        before = width * 2 ** max(0, stage - 1)
        layers.append(Residual(before if stage else width, width * 2**stage))
        layers += [
            Residual(width * 2**stage, width * 2**stage) for _ in range(choose(f"d{stage}", [1, 3]))
        ]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10)]
    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1), *layers, *head)


SPACES: dict[str, spaces.Space] = {
    "cells": spaces.NASBench201(),
    "darts": spaces.DARTSSpace(),
    "nas_bench_101": spaces.NASBench101Space(),
    "mobile": spaces.MobileSpace.small(classes=10),
    "transformer": spaces.TransformerSpace(task="language_model", vocabulary=96),
    "mlp": spaces.MLPSpace(inputs=64, classes=10),
    "recurrent": spaces.RecurrentSpace(inputs=8, length=8),
    "family": residual_networks,
}


def outlines(name: str, count: int = 4) -> list[Outline]:
    """Return outlines of random networks of a space."""
    rng = np.random.default_rng(11)
    return [SPACES[name].outline(SPACES[name].sample(rng)) for _ in range(count)]


def random_graph(rng: np.random.Generator, v: int, more: float = 0.1) -> ArchitectureGraph:
    """Return a random graph in which every node is on a path from the input to the output."""
    labels = ["input", *(f"op{rng.integers(5)}" for _ in range(v - 2)), "output"]
    edges = {(int(rng.integers(t)), t) for t in range(1, v)}
    edges |= {(s, t) for t in range(v) for s in range(t) if rng.random() < more}
    fed = {s for s, _ in edges}
    edges |= {(s, v - 1) for s in range(v - 1) if s not in fed}
    return ArchitectureGraph(labels, sorted(edges))


def chain(*labels: str) -> ArchitectureGraph:
    """Return the graph in which each node reads the one before."""
    return ArchitectureGraph(list(labels), [(i, i + 1) for i in range(len(labels) - 1)])
