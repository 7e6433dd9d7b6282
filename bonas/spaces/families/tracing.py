"""A network seen in one run: every torch function becomes a node, every tensor an edge.

The network runs once on an example, usually on the ``meta`` device, where tensors have shapes but
no values, so that a large network costs no memory and a few milliseconds. A torch function mode
sees each function with its inputs and outputs; which function made a tensor is known by the
tensor's identity. Control flow in Python needs no care, since it has happened.

Views, reshapes and casts become no node, nor do functions of parameters alone: what they
computed belongs to the first operation on data that reads it. A parameter counts once, where it is
first used.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from bonas.errors import InvalidSpace
from bonas.spaces.example import Example
from bonas.spaces.families.function_names import CONSTANTS, COSTLY, VIEWS, plain_name
from bonas.spaces.families.operations import Call, Facts, facts, has_formula, selects
from bonas.spaces.families.shapes import shaped
from bonas.spaces.families.unallocated import STORAGE
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.sketch import Shape, Sketch

_FACTORIES = STORAGE | {torch.arange, torch.linspace, torch.tensor, torch.eye, torch.randint}


_PLAIN = frozenset({int, float, bool, str, type(None), torch.Size, torch.dtype, torch.device})


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run showed.

    Attributes:
        sketch: The operations; sizes and costs are of one example.
        output: The number of the operation that makes the output.
        parameters: All trainable numbers of the module, those included that the run did not use.
        unknown: Functions whose multiply-adds are not known and count as 0 -> how often.
    """

    sketch: Sketch
    output: int
    parameters: int
    unknown: Mapping[str, int]

    @property
    def graph(self) -> ArchitectureGraph:
        """What leads from the input to the output."""
        return self.sketch.graph(self.output)


def traced(module: nn.Module, inputs: object) -> Trace:
    """Run a module once, in evaluation mode, and write down what it does.

    Args:
        module: On the device of ``inputs``; it is left in evaluation mode.
        inputs: An example batch (of one or more), as ``bonas.spaces.example.Example`` takes it.

    Raises:
        InvalidSpace: if the module returns no tensor. What the module raises is passed on.

    >>> trace = traced(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), torch.zeros(1, 4))
    >>> trace.graph.labels, trace.parameters, trace.sketch.costs["multiply_adds"]
    (('input', 'linear', 'relu', 'output'), 10, 8.0)
    """
    example = Example.of(inputs)
    module.eval()
    recorder = _Recorder(module, example)
    with torch.no_grad(), recorder:
        result = example.call(module)
    output = recorder.end(result)
    parameters = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return Trace(recorder.sketch, output, parameters, dict(recorder.unknown))


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a tensor comes from: a node, or (None) parameters and other constants alone."""

    node: int | None
    parameters: tuple[Tensor, ...] = ()
    multiply_adds: int = 0


_NOTHING = _Value(None)


class _Recorder(TorchFunctionMode):
    """Sees every torch function while it is active."""

    def __init__(self, module: nn.Module, example: Example) -> None:
        super().__init__()
        first = example.first
        self.batch = first.shape[0] if first.dim() else 1
        self.meta = first.device if first.is_meta else None
        self.sketch = Sketch(self._shape(first))
        self.unknown: Counter[str] = Counter()
        self._values: dict[int, _Value] = {}
        self._kept: list[object] = []  # an identity may not be used again during the run
        self._bases: dict[int, Tensor] = {}  # a view -> what it is a view of
        self._counted: set[int] = set()
        self._latest = self.sketch.input
        self._enter(module, example)

    def _enter(self, module: nn.Module, example: Example) -> None:
        for part in module.modules():
            for tensor in (*vars(part).values(), *part._buffers.values()):
                if type(tensor) is Tensor:
                    self._put(tensor, _NOTHING)
            for parameter in part._parameters.values():
                if parameter is not None:
                    self._put(parameter, _Value(None, (parameter,)))
        tensors = example.tensors
        self._put(tensors[0], _Value(self.sketch.input))
        for name, tensor in zip(example.names, tensors, strict=True) if len(tensors) > 1 else ():
            node = self.sketch.add(f"argument({name})", [self.sketch.input], self._shape(tensor))
            self._put(tensor, _Value(node))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.meta is not None and func in _FACTORIES and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": self.meta}
        name = plain_name(func)
        if self.meta is not None and (out := shaped(name, func, args, kwargs)) is not None:
            counted = None
        else:
            out, counted = self._run(name, func, args, kwargs)
        result = args[0] if name == "set_item" else out
        made = _tensors(result)
        if made:
            self._record(Call(name, args, kwargs, made[0]), made, counted)
        return out

    def _run(self, name: str, func: Any, args: Any, kwargs: Any) -> tuple[Any, int | None]:
        """What the function returns, and the multiply-adds that torch counts in it, if it does."""
        if has_formula(name):
            return func(*args, **kwargs), None
        with FlopCounterMode(display=False) as counter:
            out = func(*args, **kwargs)
        return out, counter.get_total_flops() // 2

    def _record(self, call: Call, made: list[Tensor], counted: int | None) -> None:
        read = _tensors(call.args) + (_tensors(call.kwargs) if call.kwargs else [])
        values = [self._value(tensor) for tensor in read]
        if call.name in CONSTANTS or not values:
            value = _NOTHING
        elif _passes_on(call):
            value = values[0]
            self._bases.update((id(tensor), read[0]) for tensor in made if tensor is not read[0])
        else:
            value = self._operation(call, values, counted)
        for tensor in made:
            self._put(tensor, value)
        if any(made[0] is tensor for tensor in read):
            self._change(made[0], value)

    def _operation(self, call: Call, values: list[_Value], counted: int | None) -> _Value:
        sources = dict.fromkeys(v.node for v in values if v.node is not None)
        parameters = tuple(p for v in values if v.node is None for p in v.parameters)
        spent = self._spent(values)
        known = facts(call)
        multiply_adds = counted if known.multiply_adds is None else known.multiply_adds
        if not sources:
            return _Value(None, parameters, spent + (multiply_adds or 0))
        suspicious = bool(parameters) or call.name.startswith(COSTLY)
        if known.multiply_adds is None and not multiply_adds and suspicious:
            self.unknown[call.name] += 1
        products = (multiply_adds or 0) // self.batch + spent
        self._latest = self._node(known, list(sources), call.out, parameters, products)
        return _Value(self._latest)

    def _spent(self, values: list[_Value]) -> int:
        """Multiply-adds of what was computed of parameters alone, where it is first read."""
        fresh = {id(v): v for v in values if v.multiply_adds and id(v) not in self._counted}
        self._counted.update(fresh)
        self._kept += fresh.values()
        return sum(v.multiply_adds for v in fresh.values())

    def _node(
        self,
        known: Facts,
        sources: list[int],
        out: Tensor,
        parameters: tuple[Tensor, ...],
        products: int,
    ) -> int:
        new = {id(p): p.numel() for p in parameters if p.requires_grad} if parameters else {}
        fresh = sum(n for key, n in new.items() if key not in self._counted)
        self._counted.update(new)
        return self.sketch.add(
            known.label,
            sources,
            self._shape(out),
            parameters=fresh,
            multiply_adds=products,
            **known.sizes,
        )

    def end(self, result: object) -> int:
        """The node of what the module returned; several tensors are joined."""
        tensors = _tensors(result)
        if not tensors:
            raise InvalidSpace(f"the network must return a tensor, got {type(result).__name__}")
        nodes = dict.fromkeys(self._value(tensor).node for tensor in tensors)
        ends = [node for node in nodes if node is not None]
        if len(ends) == 1:
            return ends[0]
        return self.sketch.add("tuple" if ends else "constant", ends, ())

    def _value(self, tensor: Tensor) -> _Value:
        """Of a tensor that no function made (a custom gradient's): what was latest."""
        return self._values.get(id(tensor)) or _Value(self._latest)

    def _put(self, tensor: Tensor, value: _Value) -> None:
        self._values[id(tensor)] = value
        self._kept.append(tensor)

    def _change(self, tensor: Tensor, value: _Value) -> None:
        """A view was changed in place, and with it all that it is a view of."""
        while id(tensor) in self._bases:
            tensor = self._bases[id(tensor)]
            self._values[id(tensor)] = value

    def _shape(self, tensor: Tensor) -> Shape:
        """Of one example: without the batch, wherever that went."""
        shape = list(tensor.shape)
        for place, side in enumerate(shape[:2]):
            if side == self.batch:
                return tuple(shape[:place] + shape[place + 1 :])
        if shape and shape[0] % self.batch == 0:
            return (shape[0] // self.batch, *shape[1:])
        return (math.ceil(tensor.numel() / self.batch),)


def _passes_on(call: Call) -> bool:
    if call.name == "slice":
        return not selects(call)
    return call.name in VIEWS or ("dropout" in call.name and not call.get(1, "p", 0.5))


def _tensors(item: object) -> list[Tensor]:
    """All tensors in nested tuples, lists and mappings."""
    if isinstance(item, Tensor):
        return [item]
    if isinstance(item, Mapping):
        item = tuple(item.values())
    if not isinstance(item, (tuple, list)):
        return []
    found = []
    for part in item:
        if type(part) not in _PLAIN:
            found += _tensors(part)
    return found
