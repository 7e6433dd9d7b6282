"""Binding: the parameters of a network replaced by tensors that others share.

A module reads its weights from a table of parameters. A slice of a shared tensor in that table is
read like any parameter, and its gradient reaches the shared tensor; ``torch.func.functional_call``
does the same for the time of a call, at the price of an exchange in every call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from torch import Tensor, nn


def bind(network: nn.Module, tensor: Callable[[str, nn.Parameter], Tensor]) -> None:
    """Replace the parameters of a network, each under all its names.

    Args:
        network: Changed in place.
        tensor: A parameter's first qualified name, and itself -> what takes its place.
    """
    replaced: dict[int, Tensor] = {}
    for path, module in network.named_modules():
        table = cast("dict[str, Any]", module._parameters)
        for name, parameter in table.items():
            if parameter is None:
                continue
            if id(parameter) not in replaced:
                own = f"{path}.{name}" if path else name
                replaced[id(parameter)] = tensor(own, parameter)
            table[name] = replaced[id(parameter)]
        if isinstance(module, nn.RNNBase):  # which keeps a list of its weights beside the table
            module._flat_weights = [table[name] for name in module._flat_weights_names]
