"""Parameters of a network, replaced for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn


@contextmanager
def replaced(
    network: nn.Module,
    change: Callable[[Tensor], Tensor] | None = None,
    precision: torch.dtype | None = None,
) -> Iterator[None]:
    """Run the block with changed parameters and a precision of all; then restore everything.

    Args:
        network: Of which the block may also change buffers and modes.
        change: Returns a new tensor in place of a floating-point parameter; None keeps it.
        precision: Of all floating-point parameters and buffers; None keeps theirs.
    """
    modes = {module: module.training for module in network.modules()}
    parameters, buffers = list(network.parameters()), list(network.buffers())
    before = [tensor.data for tensor in chain(parameters, buffers)]
    try:
        with torch.no_grad():
            for parameter in parameters:
                if parameter.is_floating_point():
                    own = parameter.data if change is None else change(parameter.data)
                    parameter.data = _cast(own, precision)
            for buffer in buffers:
                buffer.data = _cast(buffer.data.clone(), precision)
        yield
    finally:
        for tensor, own in zip(chain(parameters, buffers), before, strict=True):
            tensor.data = own
        for module, training in modes.items():
            module.training = training


def _cast(tensor: Tensor, precision: torch.dtype | None) -> Tensor:
    if precision is None or not tensor.is_floating_point():
        return tensor
    return tensor.to(precision)
