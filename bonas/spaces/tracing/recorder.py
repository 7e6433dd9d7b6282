"""What a run of a network does, written down function by function.

Each tensor of the run has a value: ``Data``, which an operation made of what was put in, or a
``Constant``, which no data reach. A tensor that is a view of another is bound to it: what is
written into one is written into the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces.example import Example
from bonas.spaces.tracing.calls import Call, index_told, parts_told, side_of, tensors_of
from bonas.spaces.tracing.constants import Constant, expression
from bonas.spaces.tracing.drafting import TIMED, Data, Draft, Read
from bonas.spaces.tracing.function_names import (
    CASTS,
    CONSTANTS,
    EXPANDS,
    PERMUTES,
    READS,
    RESHAPES,
    SAME,
    SHARING,
    plain_name,
)
from bonas.spaces.tracing.known_tensors import known_tensors
from bonas.spaces.tracing.layouts import Layout, fresh, viewed
from bonas.spaces.tracing.operations import Facts, facts, has_formula
from bonas.spaces.tracing.routing import whole
from bonas.spaces.tracing.shadows import Shadows
from bonas.spaces.tracing.shapes import shaped
from bonas.spaces.tracing.unallocated import STORAGE

Value = Data | Constant

_FACTORIES = STORAGE | {torch.arange, torch.linspace, torch.tensor, torch.eye, torch.randint}
_PROPERTIES = frozenset(
    {
        *("shape", "dtype", "device", "is_meta", "ndim", "requires_grad", "size", "dim", "numel"),
        *("grad", "grad_fn", "is_sparse", "is_nested", "is_leaf", "is_quantized", "layout"),
        *("is_contiguous", "is_floating_point", "stride", "is_complex", "__len__", "is_cuda"),
        *("is_cpu", "is_mkldnn", "is_mps", "is_xpu", "itemsize", "nbytes", "get_device"),
    }
)
"""What asks for something else than a tensor."""
_TURNS = RESHAPES | PERMUTES
_ORDERS = RESHAPES | PERMUTES | EXPANDS
_WHOLE = _ORDERS | SAME | {"slice"}  # a slice that takes a part has it told


class TimeFirst(Exception):  # not an error: the run is made again
    """The example's second dimension is the batch."""


@dataclass(slots=True, eq=False)
class _Alias:
    """How a tensor comes from another one that it shares its elements with.

    ``told`` says which part it is, if it is one.
    """

    base: Tensor
    call: Call
    part: int
    told: tuple[str, ...]
    seen: Value | None = None


class Recorder(TorchFunctionMode):
    """Sees every torch function while it is active."""

    def __init__(self, module: nn.Module, example: Example, axis: int, by_value: bool) -> None:
        super().__init__()
        first = example.first
        self.batch = first.shape[axis] if first.dim() > axis else 1
        self.meta = first.device if first.is_meta else None
        self.axis, self.by_value, self.routed = axis, by_value, False
        self._mapped = False  # by torch.vmap
        self.second = first.shape[1] if first.dim() > 1 else 0
        self.draft = Draft(first, axis)
        self._shadows = Shadows()
        self._values: dict[int, Value] = {}
        self._aliases: dict[int, _Alias] = {}
        self._kept: list[object] = []  # an identity may not be used again during the run
        for tensor, constant in known_tensors(module):
            self._values[id(tensor)] = constant
            self._kept.append(tensor)
        self._enter(example)

    def _enter(self, example: Example) -> None:
        tensors = example.tensors
        self._put(tensors[0], Data(self.draft.sketch.input, fresh(tensors[0].shape, self.axis)))
        for name, tensor in zip(example.names, tensors, strict=True) if len(tensors) > 1 else ():
            self._put(tensor, self.draft.argument(name, tensor, self.axis))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = plain_name(func)
        if name in _PROPERTIES:
            return func(*args, **kwargs)
        self._mapped = torch._C._functorch.peek_interpreter_stack() is not None
        if self.meta is not None:
            if func in _FACTORIES and kwargs.get("device") is None:
                kwargs = {**kwargs, "device": self.meta}
            if name in READS and (known := self._read(func, args, kwargs)) is not None:
                return known
        out, counted = self._run(name, func, args, kwargs)
        made = tensors_of(args[0] if name == "set_item" else out)
        if made:
            self._record(Call(name, func, args, kwargs, made[0]), made, counted)
        return out

    def end(self, tensors: Sequence[Tensor]) -> int:
        """The node of what the module returned; several tensors are joined."""
        return self.draft.end([self._value(tensor) for tensor in tensors])

    def _run(self, name: str, func: Any, args: Any, kwargs: Any) -> tuple[Any, int | None]:
        """What the function returns, and the multiply-adds that torch counts in it, if it does."""
        if self.meta is not None and not self._mapped:
            out = shaped(name, func, args, kwargs)
            if out is not None:
                return out, None
        if not self.by_value:
            entire = whole(name, func, args, kwargs, self._constant_or_none)
            if entire is not None:
                self.routed = True
                return entire(), None
        if has_formula(name):
            return func(*args, **kwargs), None
        with FlopCounterMode(display=False) as counter:
            out = func(*args, **kwargs)
        return out, counter.get_total_flops() // 2

    def _read(self, func: Any, args: Any, kwargs: Any) -> Any:
        """The values of a constant; None where they are not known."""
        values = [self._value(tensor) for tensor in tensors_of((args, kwargs))]
        if any(isinstance(v, Data) or v.values is None for v in values):
            return None
        return self._shadows.of(func, args, kwargs, self._constant)

    def _record(self, call: Call, made: list[Tensor], counted: int | None) -> None:
        tensors = call.tensors()
        target = next((t for _, t in tensors if t is made[0]), None)
        if target is None and call.name in SHARING and _is_basic(call):
            return self._bind(call, made)
        reads = [Read(name, self._value(t), t) for name, t in tensors if name != "out"]
        values = self._made(call, reads, made, counted, target)
        if target is None:
            for tensor, value in zip(made, values, strict=True):
                self._put(tensor, value)
        elif call.name in _TURNS:
            self._values[id(target)] = values[0]
        elif values[0] is not self._values.get(id(target)):
            self._write(target, values[0])
        return None

    def _made(
        self,
        call: Call,
        reads: list[Read],
        made: list[Tensor],
        counted: int | None,
        target: Tensor | None,
    ) -> list[Value]:
        """The values of what a function returned."""
        name = call.name
        data = any(isinstance(r.value, Data) for r in reads)
        if not data or name in CONSTANTS or (target is not None and name in ("fill", "zero")):
            return [*self._constants(call, reads if not data else [], made, counted, target)]
        if name == "concat":  # nothing joined to something, as caches do at first
            full = [read for read in reads if read.tensor.numel()]
            if len(full) == 1 and full[0].tensor.shape == made[0].shape:
                return [full[0].value]
        first = reads[0].value
        if name in CASTS or name in SAME:
            return [self._cast(first, reads[0].tensor, made[0])]
        if name in _ORDERS:
            return [self._ordered(call, first, made[0])]
        if "dropout" in name and not call.get("p", 0.5):
            return [first]
        if target is not None and name == "copy":
            return [self._copied(reads[1].value, reads[1].tensor, target)]
        if name in TIMED:
            self._see_time(call, reads[0])
        known = _of_all(facts(call), made[0]) if self._mapped else facts(call)
        value = self.draft.operation(call, reads, known, counted)
        if len(made) == 1:
            return [value]
        rest = (fresh(t.shape, self.draft.axis_of(tuple(t.shape), value)) for t in made[1:])
        return [value, *(Data(value.node, layout, i) for i, layout in enumerate(rest, 1))]

    def _see_time(self, call: Call, read: Read) -> None:
        """Whether a recurrence takes the example's first dimension for time."""
        if call.get("batch_first", False) or read.tensor.dim() != 3:
            return
        call.time_first = self.axis == 1
        if isinstance(read.value, Data) and read.value.layout.axis == self.axis == 0:
            if read.tensor.shape[1] == self.second:
                raise TimeFirst
            call.time_first = True

    def _constants(
        self,
        call: Call,
        reads: list[Read],
        made: list[Tensor],
        counted: int | None,
        target: Tensor | None,
    ) -> list[Constant]:
        inputs = [r.value for r in reads if isinstance(r.value, Constant)]
        if call.parametric(inputs):
            known = facts(call).multiply_adds
            counted = counted if known is None else known
        return self._shadows.made(call, inputs, made, counted, self._constant, target)

    def _bind(self, call: Call, made: list[Tensor]) -> None:
        """Views: what they are is found when they are read, since their base may change."""
        base = call.first
        start = 0
        for part, tensor in enumerate(made):
            alias = _Alias(base, call, part, parts_told(call, tensor, part, start))
            self._aliases[id(tensor)] = alias
            self._kept.append(tensor)
            start += side_of(call, tensor)
            if self.meta is None and isinstance(self._value(base), Constant):
                self._value(tensor)  # before something else is written into it

    def _value(self, tensor: Tensor) -> Value:
        """Of a tensor that no function made (a custom gradient's): what was latest."""
        alias = self._aliases.get(id(tensor))
        if alias is not None:
            base = self._value(alias.base)
            if alias.seen is not base:
                alias.seen = base
                self._values[id(tensor)] = self._derived(alias, base, tensor)
        found = self._values.get(id(tensor))
        if found is not None:
            return found
        inner = _physical(tensor)
        found = self._values.get(id(inner)) if inner is not tensor else None
        if isinstance(found, Constant):
            return found
        node = self.draft.latest if found is None else self.draft.node(found)
        return Data(node, fresh(tensor.shape, 0 if found is None else -1))

    def _constant(self, tensor: Tensor) -> Constant:
        value = self._value(tensor)
        return value if isinstance(value, Constant) else Constant()

    def _constant_or_none(self, tensor: Tensor) -> Constant | None:
        value = self._value(tensor)
        return value if isinstance(value, Constant) else None

    def _derived(self, alias: _Alias, base: Value, tensor: Tensor) -> Value:
        """What a view is of what its base is."""
        call = alias.call
        if isinstance(base, Constant):
            made = self._shadows.made(
                call, [base], [tensor], None, self._constant, None, alias.part
            )
            return made[0]
        if alias.told:
            return self._told("slice", alias.told, [(alias.base, base)], tensor)
        if call.name in _ORDERS or call.name == "slice":
            return self._ordered(call, base, tensor)
        if call.name in SAME:
            return base
        return self._told(call.name, facts(call).told, [(alias.base, base)], tensor)

    def _ordered(self, call: Call, base: Value, tensor: Tensor) -> Value:
        """A view that keeps all elements."""
        assert isinstance(base, Data)
        if tensor.dtype is not call.first.dtype:
            return self._told("view", (str(tensor.dtype),), [(call.first, base)], tensor)
        name = "reshape" if call.name == "slice" else call.name
        rest = [v for v in call.values.values() if not isinstance(v, Tensor)]
        layout = viewed(name, rest, base.layout, tuple(tensor.shape))
        if layout is None:
            base = self.draft.settled(base)
            layout = viewed(name, rest, base.layout, tuple(tensor.shape))
            assert layout is not None  # elements in their order have any sides
        return base._replace(layout=layout)

    def _cast(self, value: Value, before: Tensor, after: Tensor) -> Value:
        """Another type of numbers: a node, unless each number stays what it was."""
        kind = after.dtype
        lossless = kind is torch.float32 and not (before.is_floating_point() or before.is_complex())
        if kind is before.dtype or lossless or isinstance(value, Constant):
            return value
        return self._told("to", (str(kind).removeprefix("torch."),), [(before, value)], after)

    def _copied(self, value: Value, source: Tensor, target: Tensor) -> Value:
        """What is written over a whole tensor."""
        if isinstance(value, Data) and source.shape != target.shape:
            layout = viewed("expand", [], value.layout, tuple(target.shape))
            assert layout is not None  # an expansion copies nothing
            value = value._replace(layout=layout)
        return self._cast(value, source, target)

    def _told(
        self, name: str, told: tuple[str, ...], sources: list[tuple[Tensor, Value]], out: Tensor
    ) -> Data:
        """An operation that is no call of its own."""
        call = Call(name, name, tuple(t for t, _ in sources), {}, out)
        reads = [Read("", value, tensor) for tensor, value in sources]
        return self.draft.operation(call, reads, Facts(name, told), None)

    def _write(self, tensor: Tensor, value: Value) -> None:
        """A tensor was changed in place, and with it what it is a view of."""
        alias = self._aliases.get(id(tensor))
        before = None if alias is None else self._value(alias.base)
        self._values[id(tensor)] = value
        if alias is not None and before is not None:
            self._write(alias.base, self._rebased(alias, before, value, tensor))
            alias.seen = self._values[id(alias.base)]

    def _rebased(self, alias: _Alias, base: Value, value: Value, tensor: Tensor) -> Value:
        """What a tensor is after something was written into a view of it."""
        part = alias.told or (() if alias.call.name in _WHOLE else facts(alias.call).told)
        if isinstance(base, Constant) and isinstance(value, Constant):
            known = base.values if value.values is not None else None
            both = expression("set_item", [base.text, *part, value.text])
            all_of_them = base.parameters + value.parameters
            works = base.works + value.works
            return Constant(known, both, all_of_them, works, frozen=self.meta is None)
        if part:
            return self._told("set_item", part, [(alias.base, base), (tensor, value)], alias.base)
        if isinstance(value, Constant):
            return value
        if isinstance(base, Data) and value.layout[:3] == self._seen(alias, base, tensor)[:3]:
            return Data(value.node, base.layout)
        if value.layout.strides is None and alias.call.name not in PERMUTES:
            sides = tuple(alias.base.shape)
            return value._replace(layout=value.layout._replace(sides=sides))
        return self._told(
            "set_item", (alias.call.name,), [(alias.base, base), (tensor, value)], alias.base
        )

    def _seen(self, alias: _Alias, base: Data, tensor: Tensor) -> Layout:
        view = self._ordered(alias.call, base, tensor) if alias.call.name not in SAME else base
        assert isinstance(view, Data)
        return view.layout

    def _put(self, tensor: Tensor, value: Value) -> None:
        self._values[id(tensor)] = value
        self._aliases.pop(id(tensor), None)
        self._kept.append(tensor)
        if self._mapped and isinstance(value, Data):
            inner = _physical(tensor)
            if inner is not tensor:
                self._put(inner, Data(value.node, fresh(inner.shape)))


def _is_basic(call: Call) -> bool:
    """Whether an index shares the elements that it takes."""
    return call.name != "slice" or index_told(call)[0] == "slice"


def _of_all(known: Facts, made: Tensor) -> Facts:
    """What is known of an operation, for all that ``torch.vmap`` maps it over."""
    if not known.multiply_adds:
        return known
    times = _physical(made).numel() // max(made.numel(), 1)
    return replace(known, multiply_adds=known.multiply_adds * times)


def _physical(tensor: Tensor) -> Tensor:
    """The tensor of all that ``torch.vmap`` maps over."""
    while torch._C._functorch.is_batchedtensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor
