"""Probes of tiny networks, for the tests of zero-cost scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bonas.evaluation.zero_cost import Batch, Probe
from bonas.spaces import Example


class Called(nn.Module):
    """A network made of a function of one tensor."""

    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


def linear(*weights: list[list[float]], activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Module:
    """Return linear maps without bias, with an activation between two of them."""
    layers: list[nn.Module] = []
    for rows in weights:
        weight = torch.tensor(rows, dtype=torch.float32)
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        layer.weight = nn.Parameter(weight)
        layers += [layer, activation()]
    return nn.Sequential(*layers[:-1])


def probe_of(network: nn.Module, x: Tensor, seed: int = 0) -> Probe:
    """Return the probe of a network on a batch ``b x ...``."""
    return Probe(network, Batch(Example.of(x), seed=seed))


def convolutional(seed: int = 0) -> nn.Module:
    """Return a small network of images ``3 x 6 x 6``, in float64, without batch norms."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 5, 3, padding=1),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 3),
    ).double()


def images(n: int = 6, seed: int = 1) -> Tensor:
    """Return random images for it."""
    return torch.randn(n, 3, 6, 6, dtype=torch.float64, generator=_generator(seed))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
