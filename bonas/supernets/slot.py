"""Slots: which part of which shared tensor a parameter of a network is.

A parameter consists of pieces, concatenated along its first dimension; most have one. A piece is a
box of a shared tensor: the first numbers along each dimension, and along those of a convolution's
kernel the central ones.

    parameter = concat_i reshape(box_i)        box_i = shared[key_i][:s_1, ..., :s_k, centre, ...]

A piece has dimensions of its own, since numbers that belong together are blocks: the heads of a
projection, the gates of a recurrent layer. The front slice of a fused projection would give the
queries of one network to the keys of another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import nn

from bonas.spaces import Choices


@dataclass(frozen=True, slots=True)
class Piece:
    """A box of a shared tensor.

    Attributes:
        key: The name of the shared tensor. Pieces with one key have equally many dimensions.
        shape: Its sides in the network at hand.
        kernel: How many of the last dimensions are a kernel's, and cut around its centre.
    """

    key: str
    shape: tuple[int, ...]
    kernel: int = 0

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a parameter of a network has its numbers from.

    Attributes:
        name: The parameter's qualified name in the network.
        pieces: The boxes, which together hold as many numbers as the parameter.
    """

    name: str
    pieces: tuple[Piece, ...]


class Sharing(Protocol):
    """How the networks of a space share their weights."""

    def build(self, choices: Choices) -> tuple[nn.Module, Sequence[Slot]]:
        """Build a network whose parameters need no values, and a slot for each of them.

        Buffers have their initial values. A parameter under several names has one slot.
        """
        ...
