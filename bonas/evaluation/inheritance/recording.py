"""A recording of the layers of a network, in one run on an example.

A torch function mode sees each function. Those with weights become layers; all others only move the
units of what they read (``bonas.evaluation.inheritance.units``), or join them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bonas.evaluation.inheritance.functions import (
    DROPOUTS,
    JOINS,
    KEEPS,
    MOVES,
    POOLS,
    POSITIVE,
    PRODUCTS,
    REDUCTIONS,
    SUMS,
    ZERO_AT_ZERO,
)
from bonas.evaluation.inheritance.layers import Axis, Flow, Layer, Sum
from bonas.evaluation.inheritance.units import FREE, Units, along, resized
from bonas.evaluation.inheritance.weighted_calls import WeightedCalls
from bonas.spaces.example import Example, mapped
from bonas.spaces.tracing.calls import Call, tensors_of
from bonas.spaces.tracing.function_names import CONSTANTS, plain_name


class Recording(TorchFunctionMode):
    """A mode that records what a network does with its weights while it is active.

    Args:
        module: The network that will run.
        inputs: The tensors that it will read.

    Attributes:
        units: Those of its tensors.
        layers: The calls with weights, in the order of the first call of each.
        sums: The sums of two tensors that depend on data.
    """

    def __init__(self, module: nn.Module, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.units = Units()
        self.layers: list[Layer] = []
        self.sums: list[Sum] = []
        named = [*module.named_parameters(), *module.named_buffers()]
        self._names = {id(tensor): name for name, tensor in named}
        self._is_weight = {id(tensor) for _, tensor in module.named_parameters()}
        self._numbers: dict[tuple[str, ...], int] = {}  # of layers
        self._flows: dict[int, Flow] = {}
        self._alive: list[Any] = [named]  # so that no identity is used twice
        self._weighted = WeightedCalls(self)
        for tensor in inputs:
            self.put(tensor, Flow(torch.full((1,) * tensor.dim(), FREE)))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = plain_name(func)
        if name == "set_item":
            self._write(args)
            return out
        outputs = tensors_of(out)
        if outputs and any(self._is_known(tensor) for tensor in tensors_of((args, kwargs))):
            self._record(Call(name, func, args, kwargs, outputs[0]), outputs)
        return out

    def flow(self, tensor: object) -> Flow | None:
        """Return what is known of a tensor that depends on data; None for all others."""
        return self._flows.get(id(tensor))

    def shadow(self, tensor: object) -> Tensor | None:
        """Return the shadow of a tensor that depends on data; None for all others."""
        flow = self.flow(tensor)
        return None if flow is None else flow.shadow

    def name(self, tensor: object) -> str | None:
        """Return the name of one of the network's own tensors; None for all others."""
        return self._names.get(id(tensor))

    def is_weight(self, tensor: object) -> bool:
        """Return whether a tensor is a parameter of the network."""
        return id(tensor) in self._is_weight

    def _is_known(self, tensor: Tensor) -> bool:
        return id(tensor) in self._flows or id(tensor) in self._is_weight

    def put(self, tensor: Tensor, flow: Flow) -> None:
        """Note what is known of an output; indices and masks count as constants."""
        if not (tensor.is_floating_point() or tensor.is_complex()):
            return
        self._flows[id(tensor)] = replace(flow, shadow=flow.shadow.expand(tensor.shape))
        self._alive.append(tensor)

    def _record(self, call: Call, outputs: list[Tensor]) -> None:
        if self._weighted.record(call, outputs):
            return
        if call.name in KEEPS:
            self._keep(call, outputs)
        elif call.name in CONSTANTS:
            self._fill(call, outputs[0])
        elif call.name in MOVES and self._move(call, outputs):
            return
        else:
            self._compute(call, outputs)

    def _keep(self, call: Call, outputs: list[Tensor]) -> None:
        flow = self.flow(call.first)
        if flow is not None and flow.shadow.shape == outputs[0].shape:
            self.put(outputs[0], flow)

    def _fill(self, call: Call, out: Tensor) -> None:
        """Note zeros in the shape of data: a sum of nothing."""
        if call.name in ("zeros_like", "new_zeros"):
            self.put(out, Flow(torch.full(out.shape, FREE), terms=frozenset(), positive=True))

    def _move(self, call: Call, outputs: list[Tensor]) -> bool:
        """Move the shadows as the function moves numbers; return False where it cannot."""
        tensors = [tensor for _, tensor in call.tensors()]
        for tensor in tensors:
            if self.is_weight(tensor) and self.flow(tensor) is None:
                self._weighted.whole(tensor)
        given = call.args, dict(call.kwargs)
        args, kwargs = (self._shadowed(item, call.name in JOINS) for item in given)
        try:
            shadows = tensors_of(call.function(*args, **kwargs))
        except (IndexError, RuntimeError, TypeError, ValueError):
            return False
        flows = [flow for flow in map(self.flow, tensors) if flow is not None]
        if len(shadows) != len(outputs) or not flows:
            return False
        whole = _together(flows, call.name in JOINS and len(flows) < len(tensors))
        for tensor, shadow in zip(outputs, shadows, strict=True):
            if shadow.shape == tensor.shape:
                self.put(tensor, replace(whole, shadow=shadow))
        return True

    def _shadowed(self, item: Any, all_moved: bool) -> Any:
        """Return arguments with shadows for tensors; without ``all_moved`` indices stay."""

        def change(tensor: Tensor) -> Tensor:
            shadow = self.shadow(tensor)
            if shadow is not None:
                return shadow
            return torch.full(tensor.shape, FREE) if all_moved else tensor.cpu()

        return _mapped(change, item)

    def _write(self, args: tuple[Any, ...]) -> None:
        """Note what ``target[index] = value`` wrote."""
        target, index, value = args
        flow, old = self.flow(value), self.flow(target)
        if flow is None or not isinstance(target, Tensor):
            return
        shadow = torch.full(target.shape, FREE) if old is None else old.shadow.clone()
        shadow[mapped(lambda tensor: tensor.cpu(), index)] = flow.shadow
        sources = flow.sources | (frozenset() if old is None else old.sources)
        self.put(target, Flow(shadow, sources))

    def _compute(self, call: Call, outputs: list[Tensor]) -> None:
        """Note the units of what a function without a layer of its own computes."""
        tensors = [tensor for _, tensor in call.tensors()]
        flows = [(t, flow) for t, flow in ((t, self.flow(t)) for t in tensors) if flow is not None]
        out = outputs[0]
        if not flows:
            return
        shadow = self._computed(call, [flow for _, flow in flows], out)
        for tensor in tensors:
            if self.is_weight(tensor) and self.flow(tensor) is None:
                self._weighted.place_by_place(call, tensor, shadow)
        self.put(out, self._flow(call, [flow for _, flow in flows], tensors, shadow))
        for other in outputs[1:]:
            units = self.units.fresh(other.shape[-1] if other.dim() else 1)
            self.units.bind(units)
            self.put(other, Flow(units if other.dim() else units[0], flows[0][1].sources))

    def _computed(self, call: Call, flows: Sequence[Flow], out: Tensor) -> Tensor:
        """Return the shadow of a function's output."""
        shape = tuple(out.shape)
        if call.name not in PRODUCTS:
            if call.name in REDUCTIONS and (reduced := _reduced(call, flows[0].shadow, shape)):
                return reduced[0]
            if _broadcast(flows) == shape:
                return reduce(self.units.join, [flow.shadow.expand(shape) for flow in flows])
            same = _resized(flows[0].shadow, shape)
            if same is not None:
                return same
        for flow in flows:
            self.units.bind(flow.shadow)
        units = self.units.fresh(shape[-1] if shape else 1)
        self.units.bind(units)
        return (units if shape else units[0]).expand(shape)

    def _flow(
        self, call: Call, flows: Sequence[Flow], tensors: Sequence[Tensor], shadow: Tensor
    ) -> Flow:
        """Return what is known of a function's output."""
        name, first = call.name, flows[0]
        sources = frozenset[int]().union(*(flow.sources for flow in flows))
        if name in SUMS and len(flows) == 2:
            return self._sum(flows[0], flows[1], shadow, sources)
        for flow in flows:
            if flow.head is not None and name not in DROPOUTS | POOLS:
                self.layers[flow.head].activations.add(name)
        if name in DROPOUTS | POOLS:
            return replace(first, shadow=shadow)
        terms = first.terms if name in ZERO_AT_ZERO else None
        if name == "mul":  # it is zero if one of them is
            terms = next((flow.terms for flow in flows if flow.terms is not None), None)
        elif name == "index_add" and len(flows) > 1:
            terms = _all(flow.terms for flow in flows)
        positive = name in POSITIVE or (
            name == "mul" and len(flows) == len(tensors) and all(f.positive for f in flows)
        )
        return Flow(shadow, sources, terms, positive=positive)

    def _sum(self, left: Flow, right: Flow, shadow: Tensor, sources: frozenset[int]) -> Flow:
        self.sums.append(Sum(left.terms, right.terms))
        terms = _all([left.terms, right.terms])
        return Flow(shadow, sources, terms, positive=left.positive and right.positive)

    def layer(self, layer: Layer) -> int:
        """Add a layer, or note that a known one was called again; return its number."""
        key = (layer.names[layer.main], *layer.axes)
        if key in self._numbers:
            self._join_axes(self.layers[self._numbers[key]], layer)
        else:
            self._numbers[key] = len(self.layers)
            self.layers.append(layer)
        return self._numbers[key]

    def _join_axes(self, known: Layer, again: Layer) -> None:
        for argument, axes in known.axes.items():
            for one, other in zip(axes, again.axes[argument], strict=True):
                if len(one.units) == len(other.units):
                    self.units.join(one.units, other.units)

    def axis_of(self, tensor: Tensor, dim: int, kind: Any = "in") -> Axis:
        """Return the axis that reads a dimension of a tensor."""
        return Axis(kind, along(self.shadow(tensor), dim, tensor.shape[dim]))


def record(module: nn.Module, example: Example) -> Recording:
    """Run a network, which is in evaluation mode, and return the recording."""
    recording = Recording(module, example.tensors)
    with torch.no_grad(), recording:
        example.call(module)
    return recording


def _all(terms: Any) -> frozenset[int] | None:
    found = list(terms)
    return None if any(t is None for t in found) else frozenset().union(*found)


def _together(flows: Sequence[Flow], has_others: bool) -> Flow:
    """Return what is known of several tensors that were moved into one."""
    if len(flows) == 1 and not has_others:
        return flows[0]
    sources = frozenset[int]().union(*(flow.sources for flow in flows))
    terms = None if has_others else _all(flow.terms for flow in flows)
    positive = not has_others and all(flow.positive for flow in flows)
    return Flow(flows[0].shadow, sources, terms, positive=positive)


def _mapped(change: Any, item: Any) -> Any:
    if isinstance(item, Tensor):
        return change(item)
    if isinstance(item, Mapping):
        return {name: _mapped(change, part) for name, part in item.items()}
    if type(item) in (tuple, list):
        return type(item)(_mapped(change, part) for part in item)
    return item


def _broadcast(flows: Sequence[Flow]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(*(tuple(flow.shadow.shape) for flow in flows))
    except ValueError:
        return None


def _resized(shadow: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    return resized(shadow, shape) if shadow.dim() == len(shape) else None


def _reduced(call: Call, shadow: Tensor, shape: tuple[int, ...]) -> tuple[Tensor] | None:
    """Return the shadow without the dimensions that a function reduces, if they have one unit."""
    if not shadow.numel():
        return None
    dims = call.get("dim")
    over = [dims] if isinstance(dims, int) else list(dims or range(shadow.dim()))
    keep = bool(call.get("keepdim", False))
    least, most = shadow.amin(over, keep), shadow.amax(over, keep)
    same = least.shape == shape and bool((least == most).all())
    return (least,) if same else None
