"""Weights that recurrent networks share: a tensor per kind of cell, layer, direction and role.

    reads the input    g x h x w x n    g gates, h units, n numbers per step of each of the
    reads the state    g x h x h        w directions of the layer before (first layer: w = 1)
    biases             g x h
    norm; head         w x h;  outputs x w x h

A cell holds its gates in one matrix of g h rows. The first rows of the wide cell's would be its
first gates, taken for all gates of the narrow cell; as blocks, each gate keeps its first units. For
the same reason the numbers that a bidirectional layer passes on are two blocks.

The one direction of a network is the forward one of a network with both. Kinds of cells share
nothing, not even the head: nothing comes before the cells that would make their states alike.

Source: Chen et al. (2021), "AutoFormer: Searching transformers for visual recognition", ICCV
(weight entanglement). Papers of the cells: ``bonas.spaces.recurrent.plan``.
"""

from __future__ import annotations

from torch import nn

from bonas.spaces import Choices, Space
from bonas.spaces.recurrent import RecurrentSpace
from bonas.spaces.recurrent.plan import GATES
from bonas.supernets.roles import Pieces
from bonas.supernets.slot import Piece

_BACKWARD = "_reverse"  # ends the names of a torch cell's second direction
_DIRECTIONS = {"0": "forward", "1": "backward"}  # of two minimal gated units


def recurrent_pieces(space: Space, choices: Choices) -> Pieces:
    """Return the pieces of the parameters of a recurrent network."""
    assert isinstance(space, RecurrentSpace)
    plan = space.plan(choices)
    gates, ways = GATES[plan.cell], 2 if plan.bidirectional else 1

    def of_cell(layer: str, role: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the sides of a cell's parameter, with gates and directions apart."""
        if shape[0] != gates * plan.width:
            return shape  # of one gate
        if not role.startswith(("weight_ih", "read.weight")):
            return (gates, plan.width, *shape[1:])
        before = 1 if layer == "0" else ways
        return (gates, plan.width, before, shape[1] // before)

    def pieces(name: str, module: nn.Module, parameter: nn.Parameter) -> tuple[Piece, ...]:
        role, shape = name, tuple(parameter.shape)
        match name.split("."):
            case ["layers", layer, "cells", _, joined]:
                direction = "backward" if joined.endswith(_BACKWARD) else "forward"
                role = f"layers.{layer}.{direction}.{joined.removesuffix(_BACKWARD)}"
                shape = of_cell(layer, joined, shape)
            case ["layers", layer, "cells", number, part, last]:
                role = f"layers.{layer}.{_DIRECTIONS[number]}.{part}.{last}"
                shape = of_cell(layer, f"{part}.{last}", shape)
            case ["norms", *_]:
                shape = (ways, plan.width)
            case ["head", "weight"]:
                shape = (plan.outputs, ways, plan.width)
        return (Piece(f"{plan.cell}.{role}", shape),)

    return pieces
