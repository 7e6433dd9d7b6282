"""The operations of a run as nodes of a graph.

What an operation reads decides what becomes of the views before it, whether its order of arguments
matters, and which parameters count for it:

- a view becomes a node where the operation depends on it (``transpose``, ``reshape(2d)``);
- arguments in an unusual order are marked by nodes before the operation (``place(0)``), see
  ``bonas.spaces.tracing.argument_order``;
- parameters that were read before are ``tied``, and count nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bonas.spaces.sketch import Sketch
from bonas.spaces.tracing.argument_order import ArgumentOrder
from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.constants import Constant, Work
from bonas.spaces.tracing.function_names import (
    ANY_SHAPE,
    COSTLY,
    ELEMENTWISE,
    SEQUENTIAL,
    SQUEEZABLE,
)
from bonas.spaces.tracing.layouts import (
    Layout,
    Shape,
    base_layout,
    is_suffix,
    materialized,
    reorder_label,
    reshape_label,
    squeezed,
    unexpanded,
    without_batch,
)
from bonas.spaces.tracing.operations import Facts
from bonas.spaces.tracing.parameter_counter import ParameterCounter


class Data(NamedTuple):
    """A tensor that depends on the input.

    Attributes:
        node: The operation that computed it.
        layout: How it views the output of that operation.
        part: Which of several outputs it views.
    """

    node: int
    layout: Layout
    part: int = 0


class Read(NamedTuple):
    """A tensor that an operation reads, and the argument that holds it."""

    name: str
    value: Data | Constant
    tensor: Tensor


PLACE = "place("
"""What the labels of nodes begin with that mark an unusual order of arguments."""

_SHAPED_OPERANDS = frozenset({"linear", "embedding"})
"""Operations that accept any shape in their first argument only."""

_STATISTICS = frozenset({"running_mean", "running_var"})


class GraphBuilder:
    """The sketch of a run, while it goes on.

    Attributes:
        sketch: The operations so far.
        batch: The number of examples.
        latest: The last node.
        multiply_adds: Of the whole batch.
        unknown: Functions whose multiply-adds are not known -> the number of calls.
    """

    def __init__(self, example: Tensor, axis: int) -> None:
        self.axis = axis
        self.batch = example.shape[axis] if example.dim() > axis else 1
        self.sketch = Sketch(self.shape(tuple(example.shape), axis))
        self.latest = self.sketch.input
        self.multiply_adds = 0
        self.unknown: Counter[str] = Counter()
        self._order = ArgumentOrder(self.sketch)
        self._parameters = ParameterCounter()
        self._unique: dict[tuple[object, ...], int] = {}
        self._counted: set[Work] = set()

    def argument(self, name: str, tensor: Tensor, axis: int) -> Data:
        """Add a node for one of several inputs."""
        shape = self.shape(tuple(tensor.shape), axis)
        node = self.sketch.add(f"argument({name})", [self.sketch.input], shape)
        return Data(node, base_layout(tensor.shape, axis))

    def operation(
        self, call: Call, reads: Sequence[Read], known: Facts, counted: int | None
    ) -> Data:
        """Add a node for a call that reads data.

        Args:
            call: The call.
            reads: All tensors that it reads.
            known: Its label and its costs.
            counted: The multiply-adds that torch counted, for a function without a formula.
        """
        nodes, layout = self._nodes(call, reads)
        constants = [r.value for r in reads if isinstance(r.value, Constant)]
        notes = [*known.arguments]
        if constants:
            notes += _constant_labels(call, reads)
        even = "alpha" not in call.kwargs
        sources, order = self._ordered(call.name, nodes, len(reads), even)
        first = reads[nodes[0][0]]
        notes += order
        notes += _precision_labels(call.name, call.out, first.tensor)
        multiply_adds = self._multiply_adds(call, known, counted, constants)
        count = 0
        if constants:
            count, tied = self._parameters.count([p for c in constants for p in c.parameters])
            notes += tied
        label = f"{known.name}({', '.join(notes)})" if notes else known.name
        sizes = {**known.sizes, "parameters": count, "multiply_adds": multiply_adds // self.batch}
        shape = tuple(call.out.shape)
        axis = self.axis_of(shape, first.value)
        self.latest = self.sketch.add(label, sources, self.shape(shape, axis), **sizes)
        return Data(self.latest, layout or self._output_layout(call.name, shape, axis))

    def implicit(
        self,
        name: str,
        labels: tuple[str, ...],
        sources: Sequence[tuple[Tensor, Data | Constant]],
        out: Tensor,
    ) -> Data:
        """Add a node for an operation that is no call of its own, such as an implied cast."""
        call = Call(name, name, tuple(tensor for tensor, _ in sources), {}, out)
        reads = [Read("", value, tensor) for tensor, value in sources]
        return self.operation(call, reads, Facts(name, labels), None)

    def _nodes(
        self, call: Call, reads: Sequence[Read]
    ) -> tuple[list[tuple[int, int]], Layout | None]:
        """Return position and node of each argument, and the view that the operation preserves."""
        data = [(i, read) for i, read in enumerate(reads) if isinstance(read.value, Data)]
        plain = [
            (i, value.node)
            for i, (_, value, _) in data
            if isinstance(value, Data) and not value.part and value.layout.plain
        ]
        if len(plain) == len(data):
            return plain, None
        layout, layouts = self._layouts(call, data)
        by_rows = len(data) == 1 and _is_by_rows(call, reads, data[0][0])
        nodes = []
        for (i, (_name, value, _)), seen in zip(data, layouts, strict=True):
            assert isinstance(value, Data)
            reader = "" if i and call.name in _SHAPED_OPERANDS else call.name
            reader = "linear" if by_rows else reader
            nodes.append((i, self.node(value._replace(layout=seen), reader)))
        return nodes, layout

    def _output_layout(self, name: str, shape: Shape, axis: int) -> Layout:
        """Return the layout of an output; a time-first recurrence outputs as if batch-first."""
        if axis == 1 and self.axis == 0 and name in SEQUENTIAL:
            return Layout((shape[1], shape[0], *shape[2:]), shape, None, 1, 0)
        return Layout(shape, shape, None, axis, axis)

    def node(self, data: Data, reader: str = "") -> int:
        """Return the node that an operation reads, adding nodes for views that matter to it."""
        if data.layout.plain and not data.part:
            return data.node
        node, layout, _ = self.reordered(data)
        if reader in ANY_SHAPE or layout.base == layout.shape:
            return node
        if reader in SQUEEZABLE and squeezed(layout.base, layout.base_axis) == squeezed(
            layout.shape, layout.axis
        ):
            return node
        label, sizes = reshape_label(layout)
        return self._add_unique(label, node, without_batch(layout.shape, layout.axis), sizes)

    def reordered(self, data: Data) -> Data:
        """Add nodes for the part and for the order of the elements, though not for the shape."""
        node, layout, part = data
        if part:
            shape = without_batch(layout.base, layout.base_axis)
            node = self._add_unique(f"part({part})", node, shape, {})
        if layout.strides is not None:
            label, sizes = reorder_label(layout)
            shape = without_batch(layout.shape, layout.axis)
            node, layout = self._add_unique(label, node, shape, sizes), materialized(layout)
        return Data(node, layout)

    def end(self, values: Iterable[Data | Constant]) -> int:
        """Return the node of what the network returns; several tensors are joined by one."""
        found = [self.node(value, "tuple") for value in values if isinstance(value, Data)]
        nodes = list(dict.fromkeys(found))
        if len(nodes) == 1:
            return nodes[0]
        sources, _ = self._ordered("tuple", list(enumerate(nodes)), len(nodes))
        return self.sketch.add("tuple" if nodes else "constant", sources, ())

    def shape(self, shape: Shape, axis: int) -> Shape:
        """Return the shape of one example: without the batch, wherever that is."""
        if 0 <= axis < len(shape) and shape[axis] == self.batch:
            return shape[:axis] + shape[axis + 1 :]
        if shape and shape[0] % self.batch == 0:
            return (shape[0] // self.batch, *shape[1:])
        return (math.ceil(math.prod(shape) / self.batch),)

    def axis_of(self, shape: Shape, first: Data | Constant) -> int:
        """Return the batch dimension of what an operation computed from ``first``; -1 if none."""
        axis = first.layout.axis if isinstance(first, Data) else 0
        if 0 <= axis < len(shape) and shape[axis] == self.batch:
            return axis
        return 0 if shape and shape[0] == self.batch else -1

    def _layouts(
        self, call: Call, data: list[tuple[int, Read]]
    ) -> tuple[Layout | None, list[Layout]]:
        """Return the view that an elementwise operation preserves, and the views that remain.

        One that reads a single view computes the same in any order, so the view comes after it.
        """
        layouts = [r.value.layout for _, r in data if isinstance(r.value, Data)]
        if call.name not in ELEMENTWISE or all(layout.plain for layout in layouts):
            return None, layouts
        first, shape = layouts[0], tuple(call.out.shape)
        alone = all(layout == first for layout in layouts) and _is_pointwise(call, len(data))
        if alone and first.shape == shape:
            return first, [base_layout(layout.base, layout.base_axis) for layout in layouts]
        if any(layout.shape == shape and not _repeats(layout) for layout in layouts):
            layouts = [unexpanded(layout) for layout in layouts]
        return None, layouts

    def _multiply_adds(
        self, call: Call, known: Facts, counted: int | None, constants: Sequence[Constant]
    ) -> int:
        """Return the multiply-adds, with those of constants that are read for the first time."""
        whole = known.multiply_adds
        if whole is None:
            whole = counted or 0
            if not whole and (_is_costly(call.name) or any(c.parameters for c in constants)):
                self.unknown[call.name] += 1
        for work in (work for constant in constants for work in constant.works):
            if work not in self._counted:
                self._counted.add(work)
                whole += work.for_batch(self.batch)
        self.multiply_adds += whole
        return whole

    def _ordered(
        self, name: str, reads: list[tuple[int, int]], total: int, even: bool = True
    ) -> tuple[list[int], list[str]]:
        """Return what an operation reads, with nodes and labels that mark an unusual order."""
        marked, labels = self._order.marked(name, reads, total, even)
        return [self._place(node, at) if at else node for node, at in marked.items()], labels

    def _place(self, node: int, at: list[int]) -> int:
        label = f"{PLACE}{', '.join(map(str, at))})"
        return self._add_unique(label, node, self.sketch.operations[node].shape, {})

    def _add_unique(self, label: str, source: int, shape: Shape, sizes: dict[str, int]) -> int:
        """Return a node of one source, added when it is first needed."""
        key = (label, source, shape, *sizes.items())
        if key not in self._unique:
            self._unique[key] = self.sketch.add(label, [source], shape, **sizes)
        return self._unique[key]


def _is_pointwise(call: Call, data: int) -> bool:
    """Return whether an elementwise operation reads nothing but data and single numbers."""
    if data == 1:
        return all(t.numel() == 1 for _, t in call.tensors()[data:])
    return len(call.tensors()) == data


def _is_by_rows(call: Call, reads: Sequence[Read], place: int) -> bool:
    """Return whether a product maps each row by one matrix, whatever shape the rows have."""
    at = {"matmul": 0, "addmm": 1}.get(call.name)
    return place == at and reads[at + 1].tensor.dim() == 2


def _repeats(layout: Layout) -> bool:
    return layout.strides is not None and 0 in layout.strides


def _is_costly(name: str) -> bool:
    return name.startswith(COSTLY) or any(word in name for word in ("matmul", "attention", "_mm"))


def _constant_labels(call: Call, reads: Sequence[Read]) -> list[str]:
    """Return the labels of the constants that an operation reads."""
    labels = []
    for i, (name, value, tensor) in enumerate(reads):
        if isinstance(value, Data) or name in _STATISTICS:
            continue
        if not name and len(reads) > 2 and value.label:
            name = call.named_tensors()[i][0]  # bound only where it is needed
        if text := value.label:
            if not (name == "hx" and text == "0"):
                named = name not in ("", "other", "input") and not name.isdigit()
                labels.append(f"{name}={text}" if named else text)
        elif call.name in ELEMENTWISE and not is_suffix(tuple(tensor.shape)):
            dims = [i - tensor.dim() for i, size in enumerate(tensor.shape) if size > 1]
            labels.append(f"along={' '.join(map(str, dims))}")
    return labels


def _precision_labels(name: str, out: Tensor, first: Tensor) -> list[str]:
    """Return labels for a change of precision that no cast asked for, and for autocast."""
    labels: list[str] = []
    if out.dtype is not first.dtype and out.is_floating_point() and not first.is_complex():
        usual = first.dtype if first.is_floating_point() else torch.float32
        if out.dtype is not usual and name != "to":
            labels.append(str(out.dtype).removeprefix("torch."))
    if not torch._C._is_any_autocast_enabled():
        return labels
    for device in ("cpu", "cuda"):
        if torch.is_autocast_enabled(device):
            precision = str(torch.get_autocast_dtype(device)).removeprefix("torch.")
            labels.append(f"autocast={precision}")
    return labels
