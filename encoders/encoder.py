"""Encoders: what turns architectures into numbers, by small protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

from bonas.spaces import Architecture

Scaling = Literal["columns", "block", "none"]
"""How ``Blocks`` scales an encoder's columns: each to standard deviation 1, then the block to a
total variance of 1; the block alone, so that columns keep their relative sizes; or not at all."""


@runtime_checkable
class Encoder(Protocol):
    """Architectures -> one block of features, which ``Blocks`` scales by columns.

    Attributes:
        name: The block's name, by which a surrogate finds its columns.
        width: The number of features, fixed.
    """

    name: str
    width: int

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` features, float64; a row depends on its own architecture only."""
        ...


@runtime_checkable
class DeclaresScaling(Encoder, Protocol):
    """An encoder that declares how its columns are scaled."""

    scaling: Scaling
