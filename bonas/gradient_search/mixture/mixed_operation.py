"""A mixed operation: the sum of all options of an edge, weighted.

    y = sum_o w_o o(x)

An option without a module, ``none``, contributes zeros.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


class MixedOperation(nn.Module):
    """The weighted sum of operations.

    Args:
        operations: A name -> the operation, in the order of the weights; None for zeros. At least
            one is a module.
        weights: Returns one weight per operation when it is called.
    """

    def __init__(self, operations: Mapping[str, nn.Module | None], weights: nn.Module) -> None:
        super().__init__()
        self.names = tuple(operations)
        present = {name: module for name, module in operations.items() if module is not None}
        self.operations = nn.ModuleDict(present)
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        weights = dict(zip(self.names, self.weights().unbind(), strict=True))
        first, *others = self.operations.items()
        total: Tensor = weights[first[0]] * first[1](x)
        for name, operation in others:
            total = total + weights[name] * operation(x)
        return total
