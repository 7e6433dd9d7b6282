"""Weights that perceptrons share: a tensor per hidden layer and role, and the head.

A narrower layer has the first units of a wider one. The last linear map is one head for all depths.
Kinds of norm have tensors of their own; activations and sums have no weights, and share.

Source: Chen et al. (2021), "AutoFormer: Searching transformers for visual recognition", ICCV
(weight entanglement).
"""

from __future__ import annotations

from torch import nn

from bonas.spaces import Choices, Space
from bonas.spaces.mlp import MLPSpace
from bonas.supernets.roles import Pieces
from bonas.supernets.slot import Piece


def mlp_pieces(space: Space, choices: Choices) -> Pieces:
    """Return the pieces of the parameters of a perceptron."""
    assert isinstance(space, MLPSpace)
    roles = {"0": "linear", "1": space.plan(choices).norm}

    def pieces(name: str, module: nn.Module, parameter: nn.Parameter) -> tuple[Piece, ...]:
        key = name
        match name.split("."):
            case ["layers", layer, "body", part, last]:
                key = f"layers.{layer}.{roles[part]}.{last}"
            case ["layers", _, last]:
                key = f"head.{last}"
        return (Piece(key, tuple(parameter.shape)),)

    return pieces
