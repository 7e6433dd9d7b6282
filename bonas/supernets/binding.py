"""Binding: the parameters of a network replaced by tensors that others share.

A module reads its weights from a table of parameters. A slice of a shared tensor in that table is
read like any parameter, and its gradient reaches the shared tensor; ``torch.func.functional_call``
does the same for the time of a call, at the price of an exchange in every call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from torch import Tensor, nn


def bind(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Replace parameters of a network, by their first names, under all their names.

    Args:
        network: Changed in place.
        tensors: A parameter's qualified name -> what takes its place.
    """
    own = dict(network.named_parameters())
    replacements = {id(own[name]): tensor for name, tensor in tensors.items()}

    def replaced(parameter: nn.Parameter) -> Tensor:
        return replacements.get(id(parameter), parameter)

    for module in network.modules():
        _replace(module, replaced)


def _replace(module: nn.Module, replaced: Callable[[nn.Parameter], Tensor]) -> None:
    """Replace the parameters that a module itself holds."""
    table = cast("dict[str, Any]", module._parameters)
    for name, parameter in table.items():
        if parameter is not None:
            table[name] = replaced(parameter)
    if isinstance(module, nn.RNNBase):  # which keeps a list of its weights beside the table
        module._flat_weights = [table[name] for name in module._flat_weights_names]
