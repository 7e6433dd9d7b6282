"""Weights that DARTS networks share: a tensor per cell, edge and operation.

An edge is a state and an earlier state that it reads, so an operation keeps its weights whichever
place it has in the state's sum; its stride follows from cell and edge. A state that applies one
operation twice to one state (``repeat_inputs``) has two tensors for it. Stem, the 1x1 convolutions
of a cell's inputs and the head are the same in all networks. Every tensor is whole, since the space
fixes all widths.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR, whose
mixture has these tensors.
"""

from __future__ import annotations

from torch import nn

from bonas.spaces import Choices, Space
from bonas.spaces.darts import DARTSSpace
from bonas.spaces.darts.cell import Design
from bonas.supernets.roles import Pieces
from bonas.supernets.slot import Piece


def darts_pieces(space: Space, choices: Choices) -> Pieces:
    """Return the pieces of the parameters of a DARTS network."""
    assert isinstance(space, DARTSSpace)
    plan = space.plan(choices)
    normal, reduction = _steps(plan.normal), _steps(plan.reduction)

    def pieces(name: str, module: nn.Module, parameter: nn.Parameter) -> tuple[Piece, ...]:
        key = name
        match name.split("."):
            case ["cells", cell, "operations", step, *rest]:
                steps = reduction if int(cell) in plan.reductions else normal
                key = ".".join(["cells", cell, steps[step], *rest])
        return (Piece(key, tuple(parameter.shape)),)

    return pieces


def _steps(design: Design) -> dict[str, str]:
    """Return the name of a step in the network -> its edge and operation."""
    named: dict[str, str] = {}
    for state, steps in enumerate(design, start=2):
        for n, (operation, source) in enumerate(steps):
            again = "again." if (operation, source) in steps[:n] else ""
            named[f"{state}_{n}"] = f"edge_{source}_{state}.{again}{operation}"
    return named
