"""Weights that cell networks share: a tensor per cell of the network, edge and operation.

The 3x3 and the 1x1 convolution of an edge are different tensors, though one would fit into the
other; so are those of one edge in two cells of the network. Stem, reductions and head are the same
in all networks. Every tensor is whole, since the space fixes all widths.

Sources: Guo et al. (2020), "Single path one-shot neural architecture search with uniform sampling",
ECCV; Dong and Yang (2020), "NAS-Bench-201: Extending the scope of reproducible neural architecture
search", ICLR, whose supernets share alike.
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
        key = name
        match name.split("."):
            case ["body", cell, "operations", edge, *rest]:
                key = ".".join(["body", cell, f"edge_{edge}", operations[edge], *rest])
        return (Piece(key, tuple(parameter.shape)),)

    return pieces
