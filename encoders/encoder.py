"""What an encoder can do: turn architectures into numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from bonas.spaces import Architecture


@runtime_checkable
class Encoder(Protocol):
    """Architectures -> one block of features.

    Attributes:
        name: The block's name, by which a surrogate finds its columns.
        width: The number of features, fixed.
    """

    name: str
    width: int

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """``n x width`` features, float64; a row depends on its own architecture only."""
        ...
