"""One-hot choices: the encoding in which every two combinations of choices differ."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bonas.spaces import Architecture, Space


class OneHot:
    """One column per choice of each parameter, 1 where it is taken (all 0 for an inactive one).

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

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` zeros and ones."""
        taken = [
            (i, self.column[x]) for i, a in enumerate(architectures) for x in a.choices.items()
        ]
        rows, columns = torch.tensor(taken, dtype=torch.long).reshape(-1, 2).T
        encoded = torch.zeros(len(architectures), self.width, dtype=torch.float64)
        encoded[rows, columns] = 1.0
        return encoded
