"""A mixed operation: the sum of all options of an edge, weighted.

    y = sum_o w_o o(x)

An option without a module, ``none``, contributes zeros. One that is not possible is not computed.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from torch import Tensor, nn

from bonas.errors import InvalidSpace
from bonas.gradient_search.absence import ABSENT


def present(operations: Iterable[str]) -> list[str]:
    """Return the operations that have modules.

    Raises:
        InvalidSpace: if there are none.
    """
    names = list(operations)
    found = [name for name in names if name != ABSENT]
    if not found:
        raise InvalidSpace(f"expected operations that can be mixed, got {names}; add some")
    return found


class Weights(Protocol):
    """Weights of operations."""

    @property
    def possible(self) -> Sequence[bool]:
        """Whether each weight may differ from 0."""
        ...

    def __call__(self) -> Tensor:
        """Return the weights."""
        ...


class MixedOperation(nn.Module):
    """The weighted sum of operations.

    Args:
        operations: A name -> the operation, in the order of the weights; None for zeros. At least
            one is a module.
        weights: A module that returns one weight per operation.
    """

    weights: Weights

    def __init__(self, operations: Mapping[str, nn.Module | None], weights: Weights) -> None:
        super().__init__()
        self.names = tuple(operations)
        present = {name: module for name, module in operations.items() if module is not None}
        self.operations = nn.ModuleDict(present)
        self.weights = weights
        self._any = [next(iter(present))]  # gives zeros of the right shape

    def forward(self, x: Tensor) -> Tensor:
        weights = dict(zip(self.names, self.weights().unbind(), strict=True))
        possible = dict(zip(self.names, self.weights.possible, strict=True))
        first, *others = [name for name in self.operations if possible[name]] or self._any
        total: Tensor = weights[first] * self.operations[first](x)
        for name in others:
            total = total + weights[name] * self.operations[name](x)
        return total
