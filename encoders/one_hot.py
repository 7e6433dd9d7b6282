"""One-hot choices: the encoding that tells every two combinations of choices apart."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bonas.spaces import Architecture, Space


class OneHot:
    """One column a choice of each parameter, 1 where it is taken.

    >>> from bonas.spaces import CellSpace
    >>> space = CellSpace(nodes=2, operations=("none", "nor_conv_3x3"))
    >>> OneHot(space).encode([space.architecture({"edge_0_1": "nor_conv_3x3"})]).tolist()
    [[0.0, 1.0]]
    """

    name = "one_hot"

    def __init__(self, space: Space) -> None:
        self.column = {
            (name, choice): i
            for i, (name, choice) in enumerate(
                (name, choice)
                for name, distribution in space.distributions.items()
                for choice in distribution.choices
            )
        }
        self.width = len(self.column)
        self.parameters = len(space.distributions)

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """``n x width`` zeros and ones."""
        columns = torch.tensor(
            [[self.column[item] for item in a.choices.items()] for a in architectures],
            dtype=torch.long,
        )
        zeros = torch.zeros(len(architectures), self.width, dtype=torch.float64)
        return zeros.scatter_(1, columns.reshape(len(architectures), self.parameters), 1.0)
