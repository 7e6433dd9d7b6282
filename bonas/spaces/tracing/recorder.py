"""The recorder of a run: a torch function mode that sees every function a network calls.

Each call becomes a node (``GraphBuilder``), a constant (``ConstantFolder``), or a view of another
tensor (``TensorValues``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces.example import Example
from bonas.spaces.tracing.calls import Call, tensors_of
from bonas.spaces.tracing.constant_folding import ConstantFolder
from bonas.spaces.tracing.constants import Constant
from bonas.spaces.tracing.dense_calls import dense_call
from bonas.spaces.tracing.function_names import (
    CASTS,
    CONSTANTS,
    PERMUTES,
    READS,
    RESHAPES,
    SAME,
    SEQUENTIAL,
    SHARING,
    plain_name,
)
from bonas.spaces.tracing.graph_builder import Data, GraphBuilder, Read
from bonas.spaces.tracing.indexing import index_label
from bonas.spaces.tracing.known_tensors import known_tensors
from bonas.spaces.tracing.layouts import base_layout, view_layout
from bonas.spaces.tracing.operations import Facts, facts, has_formula
from bonas.spaces.tracing.shapes import meta_result
from bonas.spaces.tracing.tensor_values import WHOLE_VIEWS, TensorValues, Value, unmapped
from bonas.spaces.tracing.unallocated import STORAGE

_FACTORIES = STORAGE | {torch.arange, torch.linspace, torch.tensor, torch.eye, torch.randint}
_PROPERTIES = frozenset(
    {
        *("shape", "dtype", "device", "is_meta", "ndim", "requires_grad", "size", "dim", "numel"),
        *("grad", "grad_fn", "is_sparse", "is_nested", "is_leaf", "is_quantized", "layout"),
        *("is_contiguous", "is_floating_point", "stride", "is_complex", "__len__", "is_cuda"),
        *("is_cpu", "is_mkldnn", "is_mps", "is_xpu", "itemsize", "nbytes", "get_device"),
    }
)
"""Attributes and methods whose result is no tensor."""

_IN_PLACE_VIEWS = RESHAPES | PERMUTES  # their in-place variants change the tensor's own layout


class TimeFirst(Exception):  # not an error: the run is repeated
    """The example's first dimension is time, and its second one the batch."""


class Recorder(TorchFunctionMode):
    """A mode that records every torch function which is called while it is active.

    Args:
        module: The network that will run; its tensors are constants.
        example: Its input, whose tensors are data.
        axis: The batch dimension of the example.
        by_value: Whether to select parts of tensors as values say; otherwise all of a tensor is
            taken (``bonas.spaces.tracing.dense_calls``).

    Attributes:
        builder: The graph so far.
        batch: The number of examples.
        routed: Whether any function selected parts by value.
    """

    def __init__(self, module: nn.Module, example: Example, axis: int, by_value: bool) -> None:
        super().__init__()
        first = example.first
        self.batch = first.shape[axis] if first.dim() > axis else 1
        self.routed = False
        self.builder = GraphBuilder(first, axis)
        self._axis, self._by_value = axis, by_value
        self._meta = first.device if first.is_meta else None
        self._mapped = False  # by torch.vmap
        self._second = first.shape[1] if first.dim() > 1 else 0
        self._folder = ConstantFolder()
        self._values = TensorValues(self.builder, self._folder, self._meta is not None)
        for tensor, constant in known_tensors(module):
            self._values.put(tensor, constant)
        self._put_inputs(example)

    def _put_inputs(self, example: Example) -> None:
        first, *others = example.tensors
        layout = base_layout(first.shape, self._axis)
        self._values.put(first, Data(self.builder.sketch.input, layout))
        if others:
            for name, tensor in zip(example.names, example.tensors, strict=True):
                self._values.put(tensor, self.builder.argument(name, tensor, self._axis))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = plain_name(func)
        if name in _PROPERTIES:
            return func(*args, **kwargs)
        self._mapped = torch._C._functorch.peek_interpreter_stack() is not None
        if self._meta is not None:
            if func in _FACTORIES and kwargs.get("device") is None:
                kwargs = {**kwargs, "device": self._meta}
            if name in READS and (known := self._known_values(func, args, kwargs)) is not None:
                return known
        out, counted = self._run(name, func, args, kwargs)
        outputs = tensors_of(args[0] if name == "set_item" else out)
        if outputs:
            self._record(Call(name, func, args, kwargs, outputs[0]), outputs, counted)
        return out

    def end(self, tensors: Sequence[Tensor]) -> int:
        """Return the node of what the module returned; several tensors are joined by one."""
        return self.builder.end([self._values.of(tensor) for tensor in tensors])

    def _run(self, name: str, func: Any, args: Any, kwargs: Any) -> tuple[Any, int | None]:
        """Return the result of a function, and its multiply-adds where torch has to count them."""
        if self._meta is not None and not self._mapped:
            out = meta_result(name, func, args, kwargs)
            if out is not None:
                return out, None
        if not self._by_value:
            dense = dense_call(name, func, args, kwargs, self._values.constant_or_none)
            if dense is not None:
                self.routed = True
                return dense(), None
        if has_formula(name):
            return func(*args, **kwargs), None
        with FlopCounterMode(display=False) as counter:
            out = func(*args, **kwargs)
        return out, counter.get_total_flops() // 2

    def _known_values(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Return what a function reads from constants; None where values are not known."""
        values = [self._values.of(tensor) for tensor in tensors_of((args, kwargs))]
        if any(isinstance(v, Data) or v.values is None for v in values):
            return None
        return self._folder.evaluate(func, args, kwargs, self._values.constant)

    def _record(self, call: Call, outputs: list[Tensor], counted: int | None) -> None:
        tensors = call.tensors()
        target = next((t for _, t in tensors if t is outputs[0]), None)
        if target is None and call.name in SHARING and _is_view(call):
            return self._values.bind(call, outputs)
        reads = [Read(name, self._values.of(t), t) for name, t in tensors if name != "out"]
        values = self._output_values(call, reads, outputs, counted, target)
        if target is None:
            for tensor, value in zip(outputs, values, strict=True):
                self._values.put(tensor, value, mapped=self._mapped)
        elif call.name in _IN_PLACE_VIEWS:
            self._values.update_view(target, values[0])
        elif not self._values.is_value_of(values[0], target):
            self._values.write(target, values[0])
        return None

    def _output_values(
        self,
        call: Call,
        reads: list[Read],
        outputs: list[Tensor],
        counted: int | None,
        target: Tensor | None,
    ) -> list[Value]:
        """Return the values of what a function returned, or wrote into ``target``."""
        name = call.name
        data = any(isinstance(r.value, Data) for r in reads)
        if not data or name in CONSTANTS or (target is not None and name in ("fill", "zero")):
            return [*self._constants(call, reads if not data else [], outputs, counted, target)]
        if name == "concat":  # with empty tensors, as caches do at first
            full = [read for read in reads if read.tensor.numel()]
            if len(full) == 1 and full[0].tensor.shape == outputs[0].shape:
                return [full[0].value]
        first = reads[0].value
        if name in CASTS or name in SAME:
            return [self._cast(first, reads[0].tensor, outputs[0])]
        if name in WHOLE_VIEWS:
            return [self._values.reordered(call, first, outputs[0])]
        if "dropout" in name and not call.get("p", 0.5):
            return [first]
        if target is not None and name == "copy":
            return [self._copied(reads[1].value, reads[1].tensor, target)]
        if name in SEQUENTIAL:
            self._check_time_first(call, reads[0])
        known = _for_mapped(facts(call), outputs[0]) if self._mapped else facts(call)
        value = self.builder.operation(call, reads, known, counted)
        shapes = (tuple(tensor.shape) for tensor in outputs[1:])
        rest = [base_layout(shape, self.builder.axis_of(shape, value)) for shape in shapes]
        return [value, *(Data(value.node, layout, i) for i, layout in enumerate(rest, 1))]

    def _check_time_first(self, call: Call, read: Read) -> None:
        """Note whether a sequential operation reads time first.

        Raises:
            TimeFirst: if that is the example's first dimension, which was taken for the batch.
        """
        if call.get("batch_first", False) or read.tensor.dim() != 3:
            return
        call.time_first = self._axis == 1
        if isinstance(read.value, Data) and read.value.layout.axis == self._axis == 0:
            if read.tensor.shape[1] == self._second:
                raise TimeFirst
            call.time_first = True

    def _constants(
        self,
        call: Call,
        reads: list[Read],
        outputs: list[Tensor],
        counted: int | None,
        target: Tensor | None,
    ) -> list[Constant]:
        inputs = [r.value for r in reads if isinstance(r.value, Constant)]
        if any(constant.parameters for constant in inputs):
            known = facts(call).multiply_adds
            counted = counted if known is None else known
        return self._folder.fold(call, inputs, outputs, counted, self._values.constant, target)

    def _cast(self, value: Value, before: Tensor, after: Tensor) -> Value:
        """Return the value in another dtype: a node, unless no number changes by it."""
        dtype = after.dtype
        exact = dtype is torch.float32 and not (before.is_floating_point() or before.is_complex())
        if dtype is before.dtype or exact or isinstance(value, Constant):
            return value
        label = str(dtype).removeprefix("torch.")
        return self.builder.implicit("to", (label,), [(before, value)], after)

    def _copied(self, value: Value, source: Tensor, target: Tensor) -> Value:
        """Return the value of a tensor that another one was copied over."""
        if isinstance(value, Data) and source.shape != target.shape:
            layout = view_layout("expand", [], value.layout, tuple(target.shape))
            assert layout is not None  # an expansion copies nothing
            value = value._replace(layout=layout)
        return self._cast(value, source, target)


def _is_view(call: Call) -> bool:
    """Return whether the result shares memory: an index does where it holds no tensor."""
    return call.name != "slice" or index_label(call)[0] == "slice"


def _for_mapped(known: Facts, out: Tensor) -> Facts:
    """Return the facts of an operation for all that ``torch.vmap`` maps it over."""
    if not known.multiply_adds:
        return known
    times = unmapped(out).numel() // max(out.numel(), 1)
    return replace(known, multiply_adds=known.multiply_adds * times)
