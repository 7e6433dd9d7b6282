"""The recorder of a forward pass: what activations and layers compute for each input of a batch.

Symbols: ``b`` inputs, ``u`` units of an activation, ``c`` channels, ``p`` positions. The batch is
the first axis of a tensor, the second one if that has ``b`` rows and the first has not (time
first), or part of the first axis if that is a multiple of ``b``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bonas.evaluation.zero_cost.entry import Entry
from bonas.evaluation.zero_cost.functions import (
    CELLS,
    CONVOLUTIONS,
    DENSE,
    RECURRENT,
    first_tensor,
    is_activation,
    name_of,
)

_BATCH_FIRST = 8  # the place of this argument of a recurrent layer


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What a layer with weights returned.

    Attributes:
        output: The tensor, as the network got it.
        convolution: Whether its channels are the second axis; else they are the last one.
        time_first: Whether the batch is known to be the second axis.
    """

    output: Tensor
    convolution: bool
    time_first: bool = False

    def channels(self, values: Tensor, rows: int) -> Tensor | None:
        """Return values of the output's shape as ``b x c x p``; None if that is not possible."""
        found = by_input(values.transpose(0, 1) if self.time_first else values, rows)
        if found is None or found.dim() < 2:
            return None
        if not self.convolution or values.dim() < 3:  # flat maps, too, have their channels last
            return found.reshape(rows, -1, values.shape[-1]).mT
        parts = found.reshape(rows, -1, *values.shape[1:])  # of a batch that is part of an axis
        return parts.flatten(3).transpose(1, 2).flatten(2)


class Recorder(TorchFunctionMode):
    """A mode that records a forward pass.

    Attributes:
        entry: Where gradients of whole numbers are taken.
        patterns: Of each activation, ``b x u``: whether a positive number enters the unit.
        layers: What each layer with weights returned.
        maps: Of each layer and activation with several positions, ``c x p``: what it returned for
            the first input.
    """

    def __init__(self, rows: int, entry: Entry) -> None:
        super().__init__()
        self.rows, self.entry = rows, entry
        self.patterns: list[Tensor] = []
        self.layers: list[Layer] = []
        self.maps: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs, name = kwargs or {}, name_of(func)
        activation = is_activation(name, args, kwargs)
        if activation:  # before the call, which may overwrite its input
            self._see_units(first_tensor(args))
        returned = func(*args, **kwargs)
        output = first_tensor(returned)
        if output is None:
            return returned
        self.entry.see(name, [*args, *kwargs.values()], output)
        if not output.is_floating_point():
            return returned
        if activation and self.layers:  # the channels are where those of the latest layer are
            self._see_map(Layer(output, self.layers[-1].convolution))
        elif name in CONVOLUTIONS or name in DENSE:
            self._see_layer(name, output, args)
        return returned

    def _see_units(self, entering: Tensor | None) -> None:
        rows = None if entering is None else by_input(entering.detach(), self.rows)
        if rows is not None and rows.is_floating_point():
            self.patterns.append((rows > 0).reshape(self.rows, -1))

    def _see_layer(self, name: str, output: Tensor, args: tuple[Any, ...]) -> None:
        padded = name in RECURRENT and len(args) > _BATCH_FIRST and output.dim() == 3
        layer = Layer(output, name in CONVOLUTIONS, padded and not args[_BATCH_FIRST])
        self.layers.append(layer)
        channels = self._see_map(layer)
        if name in RECURRENT or name in CELLS:
            self._see_units(channels)

    def _see_map(self, layer: Layer) -> Tensor | None:
        channels = layer.channels(layer.output.detach(), self.rows)
        if channels is not None and channels.shape[2] > 1:
            self.maps.append(channels[0].clone())  # which a later function may overwrite
        return channels


def by_input(tensor: Tensor, rows: int) -> Tensor | None:
    """Return a tensor as ``rows x ...``, one row per input; None if that is not possible."""
    if tensor.layout is not torch.strided or tensor.is_nested or not tensor.numel():
        return None
    if not tensor.dim():
        return None
    if tensor.shape[0] == rows:
        return tensor
    if tensor.dim() > 2 and tensor.shape[1] == rows:
        return tensor.transpose(0, 1)
    if tensor.shape[0] % rows == 0:
        return tensor.reshape(rows, tensor.shape[0] // rows, *tensor.shape[1:])
    return None
