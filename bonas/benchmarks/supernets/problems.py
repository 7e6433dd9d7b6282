"""Problems: spaces of small networks, and how they are trained on digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from bonas.errors import InvalidArgument
from bonas.evaluation import ShortTraining
from bonas.spaces import Choices, MobileSpace, NASBench201, Space, TransformerSpace
from bonas.spaces.families import space as family_of

_DRAWS = 50  # per network that is wanted


@dataclass(frozen=True)
class Problem:
    """A space whose networks are ranked by the accuracy of their trainings.

    Attributes:
        name: What the tables and the files call it.
        space: The networks.
        training: Stand-alone, from scratch.
    """

    name: str
    space: Space
    training: ShortTraining

    def networks(self, number: int, seed: int = 0) -> list[Choices]:
        """Draw networks, no two of them the same; fewer of them are the first of more.

        Raises:
            InvalidArgument: if so many are not found.
        """
        rng = np.random.default_rng(seed)
        taken, drawn = set(), list[Choices]()
        for _ in range(_DRAWS * number):
            if len(drawn) == number:
                break
            choices = self.space.sample(rng)
            architecture = self.space.architecture(choices)
            if architecture not in taken:
                taken.add(architecture)
                drawn.append(choices)
        if len(drawn) < number:
            raise InvalidArgument(
                f"expected {number} different networks of {self.name}, found {len(drawn)}; ask for "
                "fewer"
            )
        return drawn


def problems() -> Mapping[str, Callable[[], Problem]]:
    """Return the problems by name; each is made when it is called."""
    return {"cells": _cells, "transformers": _transformers, "mobile": _mobile, "family": _family}


def _cells() -> Problem:
    return Problem("cells", NASBench201(channels=8, cells=1), ShortTraining("digits"))


def _transformers() -> Problem:
    space = TransformerSpace(
        in_channels=1,
        image_size=8,
        patch=2,
        depths=(1, 2, 3),
        widths=(16, 32),
        heads=(2, 4),
        head_dims=(4, 8),
        kv_heads=(2,),
        windows=(4, 8),
        experts=(1,),
    )
    return Problem("transformers", space, ShortTraining("digits", epochs=12))


def _mobile() -> Problem:
    return Problem("mobile", MobileSpace.small(), ShortTraining("digits"))


def _family() -> Problem:
    return Problem("family", stacked_layers, ShortTraining("digits"))


@family_of(input=torch.zeros(2, 1, 8, 8))
def stacked_layers(choose: Any) -> nn.Module:
    """Return a network of one to four layers, each of one of five operations."""
    width = choose("width", [8, 12, 16])
    layers: list[nn.Module] = [nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
    for i in range(choose("depth", [1, 2, 3, 4])):
        layers += choose(
            f"operation{i}",
            {
                "conv1": lambda: [nn.Conv2d(width, width, 1)],
                "conv3": lambda: [nn.Conv2d(width, width, 3, padding=1)],
                "depthwise": lambda: [nn.Conv2d(width, width, 3, padding=1, groups=width)],
                "average": lambda: [nn.AvgPool2d(3, 1, padding=1)],
                "maximum": lambda: [nn.MaxPool2d(3, 1, padding=1)],
            },
        )
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10))
