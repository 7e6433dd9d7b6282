"""Nodes of a graph out of the operations of a run.

What an operation reads decides what becomes of the views on the way, whether an operation depends
on the order of what it reads, and which parameters count for it:

- a view becomes a node where the operation would notice (``transpose``, ``reshape(2d)``);
- where an operation reads several tensors, the one that was deeper in the network comes last (first
  in a product); another order is marked by nodes (``place(0)``) on the way;
- parameters that were read before are ``tied``, and count nothing.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bonas.spaces.sketch import Sketch
from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.constants import Constant, Work
from bonas.spaces.tracing.function_names import COMMUTATIVE, COSTLY, ELEMENTWISE, NORMS
from bonas.spaces.tracing.layouts import (
    Layout,
    Shape,
    fresh,
    is_suffix,
    ordered,
    reshape_told,
    squeezed,
    told,
    unexpanded,
    without_batch,
)
from bonas.spaces.tracing.operations import Facts
from bonas.spaces.tracing.roles import in_order


class Data(NamedTuple):
    """A tensor that an operation made of what was put in: the node, the view, which output."""

    node: int
    layout: Layout
    part: int = 0


class Read(NamedTuple):
    """A tensor that an operation reads, and the argument that holds it."""

    name: str
    value: Data | Constant
    tensor: Tensor


_ANY_SIDES = frozenset({"linear", "embedding", "tuple"})
"""Operations whose own sizes show what sides they read."""

_OWN_SIDES = NORMS | {
    *(f"{kind}{n}d" for kind in ("conv", "conv_transpose", "lp_pool") for n in (1, 2, 3)),
    *(
        "max_pool",
        "avg_pool",
        "lstm",
        "gru",
        "rnn_tanh",
        "rnn_relu",
        "multi_head_attention_forward",
    ),
    *(f"adaptive_{kind}_pool{n}d" for kind in ("avg", "max") for n in (1, 2, 3)),
    "scaled_dot_product_attention",
}
"""Operations for which sides of 1 make no difference."""

_FIRST_ONLY = dict.fromkeys(("linear", "embedding"), "")
"""Operations whose first argument alone may have any sides."""

TIMED = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu", "multi_head_attention_forward"})
"""Operations that may be given time first and the batch second."""

_PRODUCTS = frozenset({"matmul", "baddbmm", "addmm"})
_STATISTICS = frozenset({"running_mean", "running_var"})


class Draft:
    """The sketch of a run that goes on.

    Attributes:
        batch: How many examples there are.
        latest: The last node.
        multiply_adds: Of the whole batch.
        unknown: Functions whose multiply-adds are not known -> how often.
    """

    def __init__(self, example: Tensor, axis: int) -> None:
        self.axis = axis
        self.batch = example.shape[axis] if example.dim() > axis else 1
        self.sketch = Sketch(self.shape(tuple(example.shape), axis))
        self.latest = self.sketch.input
        self.multiply_adds = 0
        self.unknown: Counter[str] = Counter()
        self._depths = [0]
        self._digests: list[int] = []  # of a node and all before it
        self._once: dict[tuple[object, ...], int] = {}
        self._counted: set[Work] = set()
        self._owners: dict[int, int] = {}
        self._alike: Counter[tuple[Shape, ...]] = Counter()

    def argument(self, name: str, tensor: Tensor, axis: int) -> Data:
        """One of several inputs."""
        node = self._add(
            f"argument({name})", [self.sketch.input], self.shape(tuple(tensor.shape), axis), {}
        )
        return Data(node, fresh(tensor.shape, axis))

    def operation(
        self, call: Call, reads: Sequence[Read], known: Facts, counted: int | None
    ) -> Data:
        """What an operation made of data."""
        nodes, layout = self._nodes(call, reads)
        constants = [r.value for r in reads if isinstance(r.value, Constant)]
        notes = [*known.told]
        if constants:
            notes += _constants_told(call, reads)
        sources, place = self._placed(call.name, nodes, len(reads), "alpha" not in call.kwargs)
        first = reads[nodes[0][0]]
        notes += place
        notes += self._type_told(call.name, call.out, first.tensor)
        multiply_adds = self._products(call, known, counted, constants)
        count = 0
        if constants:
            count, tied = self._parameters([p for c in constants for p in c.parameters])
            notes += tied
        label = f"{known.name}({', '.join(notes)})" if notes else known.name
        sizes = {**known.sizes, "parameters": count, "multiply_adds": multiply_adds // self.batch}
        sides = tuple(call.out.shape)
        axis = self.axis_of(sides, first.value)
        self.latest = self._add(label, sources, self.shape(sides, axis), sizes)
        return Data(self.latest, layout or self._made(call.name, sides, axis))

    def _nodes(
        self, call: Call, reads: Sequence[Read]
    ) -> tuple[list[tuple[int, int]], Layout | None]:
        """The nodes that an operation reads with their places, and a view that it passes on."""
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
            reader = call.name if i == 0 else _FIRST_ONLY.get(call.name, call.name)
            reader = "linear" if by_rows else reader
            nodes.append((i, self.node(value._replace(layout=seen), reader)))
        return nodes, layout

    def _made(self, name: str, sides: Shape, axis: int) -> Layout:
        """What an operation made; a recurrence that was given time first makes as if it was not."""
        if axis == 1 and self.axis == 0 and name in TIMED:
            return Layout((sides[1], sides[0], *sides[2:]), sides, None, 1, 0)
        return Layout(sides, sides, None, axis, axis)

    def node(self, data: Data, reader: str = "") -> int:
        """The node that a reader reads, after nodes for those views that it would notice."""
        if data.layout.plain and not data.part:
            return data.node
        node, layout, _ = self.settled(data)
        if reader in _ANY_SIDES or layout.made == layout.sides:
            return node
        if reader in _OWN_SIDES and squeezed(layout.made, layout.home) == squeezed(
            layout.sides, layout.axis
        ):
            return node
        label, sizes = reshape_told(layout)
        return self.once(label, node, without_batch(layout.sides, layout.axis), sizes)

    def settled(self, data: Data) -> Data:
        """With a node for the order of the elements, though not for their sides."""
        node, layout, part = data
        if part:
            shape = without_batch(layout.made, layout.home)
            node = self.once(f"part({part})", node, shape, {})
        if layout.strides is not None:
            label, sizes = told(layout)
            shape = without_batch(layout.sides, layout.axis)
            node, layout = self.once(label, node, shape, sizes), ordered(layout)
        return Data(node, layout)

    def once(self, label: str, source: int, shape: Shape, sizes: dict[str, int]) -> int:
        """A node of one source that is added when it is first needed."""
        key = (label, source, shape, *sizes.items())
        if key not in self._once:
            self._once[key] = self._add(label, [source], shape, sizes)
        return self._once[key]

    def end(self, values: Iterable[Data | Constant]) -> int:
        """The node of what the network returns; several tensors are joined."""
        found = [self.node(value, "tuple") for value in values if isinstance(value, Data)]
        nodes = list(dict.fromkeys(found))
        if len(nodes) == 1:
            return nodes[0]
        sources, _ = self._placed("tuple", list(enumerate(nodes)), len(nodes))
        return self._add("tuple" if nodes else "constant", sources, (), {})

    def shape(self, shape: Shape, axis: int) -> Shape:
        """Of one example: without the batch, wherever that went."""
        if 0 <= axis < len(shape) and shape[axis] == self.batch:
            return shape[:axis] + shape[axis + 1 :]
        if shape and shape[0] % self.batch == 0:
            return (shape[0] // self.batch, *shape[1:])
        return (math.ceil(math.prod(shape) / self.batch),)

    def axis_of(self, sides: Shape, first: Data | Constant) -> int:
        """Where the batch is in what an operation made of ``first``."""
        axis = first.layout.axis if isinstance(first, Data) else 0
        if 0 <= axis < len(sides) and sides[axis] == self.batch:
            return axis
        return 0 if sides and sides[0] == self.batch else -1

    def _layouts(
        self, call: Call, data: list[tuple[int, Read]]
    ) -> tuple[Layout | None, list[Layout]]:
        """What an elementwise operation passes on of the views that it reads, and what is left.

        One that reads a single view computes the same in any order, so the view comes after it.
        """
        layouts = [r.value.layout for _, r in data if isinstance(r.value, Data)]
        if call.name not in ELEMENTWISE or all(layout.plain for layout in layouts):
            return None, layouts
        first = layouts[0]
        alone = all(layout == first for layout in layouts) and _is_free(call, len(data))
        if alone and first.sides == tuple(call.out.shape):
            return first, [fresh(layout.made, layout.home) for layout in layouts]
        if any(
            layout.sides == tuple(call.out.shape) and not _repeats(layout) for layout in layouts
        ):
            layouts = [unexpanded(layout) for layout in layouts]
        return None, layouts

    def _products(
        self, call: Call, known: Facts, counted: int | None, constants: Sequence[Constant]
    ) -> int:
        """Multiply-adds, with those of constants that are read for the first time."""
        whole = known.multiply_adds
        if whole is None:
            whole = counted or 0
            if not whole and (_is_costly(call.name) or any(c.parameters for c in constants)):
                self.unknown[call.name] += 1
        for work in (work for constant in constants for work in constant.works):
            if work not in self._counted:
                self._counted.add(work)
                whole += work.of_all(self.batch)
        self.multiply_adds += whole
        return whole

    def _parameters(self, parameters: Sequence[Tensor]) -> tuple[int, list[str]]:
        """How many trainable numbers are new, and which operation the others came with."""
        owners = self._owners
        new: dict[int, Shape] = {}
        tied: set[int] = set()
        count = 0
        for parameter in parameters:
            key = id(parameter)
            if key in owners:
                tied.add(owners[key])
            elif key not in new:
                new[key] = shape = tuple(parameter.shape)
                count += math.prod(shape) if parameter.requires_grad else 0
        if new:
            kind = tuple(new.values())
            owners.update(dict.fromkeys(new, self._alike[kind]))
            self._alike[kind] += 1
        return count, [f"tied={' '.join(map(str, sorted(tied)))}"] if tied else []

    def _placed(
        self, name: str, nodes: list[tuple[int, int]], total: int, even: bool = True
    ) -> tuple[list[int], list[str]]:
        """What an operation reads, with marks where its order is not the usual one."""
        if len(nodes) == 1 and nodes[0][0] == 0:
            return [nodes[0][1]], []
        free = even and name in COMMUTATIVE
        places = [i for i, _ in nodes]
        distinct: dict[int, list[int]] = {}
        for i, node in nodes:
            distinct.setdefault(node, []).append(i)
        notes = []
        if not free and places != list(range(len(places))):
            notes.append(f"at={' '.join(map(str, places))}")
        elif len(distinct) == 1 and 1 < len(places) < total and name not in _OWN_SIDES:
            notes.append("twice")
        if len(distinct) == 1 or (free and len(distinct) == len(nodes)):
            return list(distinct), notes
        usual = self._usual(name, distinct)
        return [
            node if node in usual else self._place(node, at) for node, at in distinct.items()
        ], notes

    def _place(self, node: int, at: list[int]) -> int:
        label = f"place({', '.join(map(str, at))})"
        return self.once(label, node, self.sketch.operations[node].shape, {})

    def _usual(self, name: str, distinct: dict[int, list[int]]) -> set[int]:
        """The most nodes that stand in the usual order, each of them once."""
        single = [node for node, at in distinct.items() if len(at) == 1]
        sign = -1 if name in _PRODUCTS else 1
        return set(in_order(single, [self._key(node, sign) for node in single]))

    def _key(self, node: int, sign: int) -> tuple[object, ...]:
        """What decides which of several nodes an operation usually reads first."""
        operations = self.sketch.operations
        for i in range(len(self._digests), node + 1):
            before = [self._digests[source] for source in operations[i].sources]
            text = f"{operations[i].label}{[*operations[i].sizes.values()]}{before}"
            self._digests.append(zlib.crc32(text.encode()))
        this = operations[node]
        sizes = tuple(this.sizes.values())
        return (
            sign * self._depths[node],
            -this.sizes["elements"],
            this.label,
            sizes,
            self._digests[node],
        )

    def _type_told(self, name: str, out: Tensor, first: Tensor) -> list[str]:
        """A change of precision that no function asked for, and an automatic one."""
        told_: list[str] = []
        if out.dtype is not first.dtype and out.is_floating_point() and not first.is_complex():
            usual = first.dtype if first.is_floating_point() else torch.float32
            if out.dtype is not usual and name != "to":
                told_.append(str(out.dtype).removeprefix("torch."))
        if not torch._C._is_any_autocast_enabled():
            return told_
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                precision = str(torch.get_autocast_dtype(device)).removeprefix("torch.")
                told_.append(f"autocast={precision}")
        return told_

    def _add(self, label: str, sources: list[int], shape: Shape, sizes: dict[str, int]) -> int:
        self._depths.append(1 + max([self._depths[source] for source in sources], default=0))
        return self.sketch.add(label, sources, shape, **sizes)


def _is_free(call: Call, data: int) -> bool:
    """Whether an elementwise operation reads nothing else that has sides."""
    return (
        all(t.numel() == 1 for _, t in call.tensors()[data:])
        if data == 1
        else (len(call.tensors()) == data)
    )


def _is_by_rows(call: Call, reads: Sequence[Read], place: int) -> bool:
    """Whether a product takes each row by the same matrix, whatever sides the rows have."""
    at = {"matmul": 0, "addmm": 1}.get(call.name)
    return place == at and reads[at + 1].tensor.dim() == 2


def _repeats(layout: Layout) -> bool:
    return layout.strides is not None and 0 in layout.strides


def _is_costly(name: str) -> bool:
    return name.startswith(COSTLY) or any(word in name for word in ("matmul", "attention", "_mm"))


def _constants_told(call: Call, reads: Sequence[Read]) -> list[str]:
    """What stands for the constants that an operation reads."""
    notes = []
    for i, (name, value, tensor) in enumerate(reads):
        if isinstance(value, Data) or name in _STATISTICS:
            continue
        if not name and len(reads) > 2 and value.text:
            name = call.named()[i][0]  # it was not needed before
        if text := value.text:
            if not (name == "hx" and text == "0"):
                named = name not in ("", "other", "input") and not name.isdigit()
                notes.append(f"{name}={text}" if named else text)
        elif call.name in ELEMENTWISE and not is_suffix(tuple(tensor.shape)):
            sides = [i - tensor.dim() for i, side in enumerate(tensor.shape) if side > 1]
            notes.append(f"along={' '.join(map(str, sides))}")
    return notes
