"""Cell networks: a weight per cell of the network, edge and operation.

Two operations of one edge share nothing, though a 1x1 convolution would fit into a 3x3 one: what
they compute differs. Stem, reductions and head are the same in all networks.
"""

from __future__ import annotations

from torch import nn

from bonas.spaces import Choices, Space
from bonas.spaces.cells import CellSpace
from bonas.supernets.roles import Pieces
from bonas.supernets.slot import Piece


def cell_pieces(space: Space, choices: Choices) -> Pieces:
    """Return the pieces of the parameters of a cell network."""
    assert isinstance(space, CellSpace)
    operations = {f"{s}_{t}": name for (s, t), name in space.plan(choices).operations.items()}

    def pieces(name: str, module: nn.Module, parameter: nn.Parameter) -> tuple[Piece, ...]:
        parts = name.split(".")
        if "operations" in parts:
            edge = parts.index("operations") + 1
            parts.insert(edge + 1, operations[parts[edge]])
        return (Piece(".".join(parts), tuple(parameter.shape)),)

    return pieces
