"""The recorder of a forward pass: what activations and layers compute for each input of a batch.

Symbols: ``b`` inputs, ``u`` units of an activation, ``c`` channels, ``p`` positions. The batch is
the first axis of a tensor, the second one if that has ``b`` rows and the first has not (time
first), or part of the first axis if that is a multiple of ``b``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bonas.evaluation.zero_cost.functions import (
    CELLS,
    CONVOLUTIONS,
    DENSE,
    RECURRENT,
    first_tensor,
    is_activation,
    name_of,
)


class Recorder(TorchFunctionMode):
    """A mode that records a forward pass.

    Attributes:
        patterns: Of each activation, ``b x u``: whether a positive number enters the unit.
        layers: What each layer with weights returned; its name and the tensor.
        maps: Of each layer with several positions, ``c x p``: what it returned for the first input.
        entry: The tensor at which gradients of the input are taken: the first floating-point tensor
            of the batch, else the first one that is computed for each input, as by an embedding.
    """

    def __init__(self, rows: int, entry: Tensor | None) -> None:
        super().__init__()
        self.rows, self.entry = rows, entry
        self.patterns: list[Tensor] = []
        self.layers: list[tuple[str, Tensor]] = []
        self.maps: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs, name = kwargs or {}, name_of(func)
        if is_activation(name, args, kwargs):  # before the call, which may overwrite its input
            self._see_units(first_tensor(args))
        returned = func(*args, **kwargs)
        if self.entry is None:
            self._see_entry(returned)
        if name in CONVOLUTIONS or name in DENSE:
            self._see_layer(name, first_tensor(returned), args)
        return returned

    def _see_units(self, entering: Tensor | None) -> None:
        rows = None if entering is None else by_input(entering.detach(), self.rows)
        if rows is not None and rows.is_floating_point():
            self.patterns.append((rows > 0).reshape(self.rows, -1))

    def _see_layer(self, name: str, output: Tensor | None, args: tuple[Any, ...]) -> None:
        if output is None or not output.is_floating_point():
            return
        if name in RECURRENT and len(args) == 9 and not args[8] and output.dim() == 3:
            output = output.transpose(0, 1)  # time comes first, whatever the sizes
        self.layers.append((name, output))
        if name in RECURRENT or name in CELLS:
            self._see_units(output)
        rows = by_input(output.detach(), self.rows)
        if rows is None:
            return
        first = rows[0]
        if name in CONVOLUTIONS:
            first = first.reshape(-1, *output.shape[1:])[0].flatten(1)
        else:
            first = first.reshape(-1, output.shape[-1]).T
        if first.shape[1] > 1:
            self.maps.append(first.clone())

    def _see_entry(self, returned: object) -> None:
        if not isinstance(returned, Tensor) or not returned.is_floating_point():
            return
        if returned.dim() < 2 or self.rows not in returned.shape[:2]:
            return
        if not returned.requires_grad and torch.is_grad_enabled():
            returned.requires_grad_()
        self.entry = returned


def by_input(tensor: Tensor, rows: int) -> Tensor | None:
    """Return a tensor as ``rows x ...``, one row per input; None if that is not possible."""
    if not tensor.dim() or not tensor.numel():
        return None
    if tensor.shape[0] == rows:
        return tensor
    if tensor.dim() > 2 and tensor.shape[1] == rows:
        return tensor.transpose(0, 1)
    if tensor.shape[0] % rows == 0:
        return tensor.reshape(rows, tensor.shape[0] // rows, *tensor.shape[1:])
    return None
