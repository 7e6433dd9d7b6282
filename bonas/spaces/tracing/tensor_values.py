"""What each tensor of a run is: data, which depends on the input, or a constant.

A tensor may be a view of another one. What is written into one of them changes the other, so the
value of a view is derived from that of its base, when it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.constant_folding import ConstantFolder
from bonas.spaces.tracing.constants import Constant, expression
from bonas.spaces.tracing.function_names import EXPANDS, PERMUTES, RESHAPES, SAME
from bonas.spaces.tracing.graph_builder import Data, GraphBuilder
from bonas.spaces.tracing.indexing import part_index, part_size
from bonas.spaces.tracing.layouts import Layout, base_layout, view_layout
from bonas.spaces.tracing.operations import facts

Value = Data | Constant

WHOLE_VIEWS = RESHAPES | PERMUTES | EXPANDS
"""Views of all elements of their base."""

_WHOLE = WHOLE_VIEWS | SAME | {"slice"}  # a slice that takes a part has an index


@dataclass(slots=True, eq=False)
class _Alias:
    """A view: the call that returned it, and its base.

    Attributes:
        base: The tensor that it shares memory with.
        call: The call that returned it.
        part: Its position among the results.
        index: Which part of the base it is; empty if it is all of it.
        seen: The value of the base from which that of the view was derived last.
    """

    base: Tensor
    call: Call
    part: int
    index: tuple[str, ...]
    seen: Value | None = None


class TensorValues:
    """The values of the tensors of a run, by identity.

    Args:
        builder: Takes the nodes of views that become operations.
        folder: Computes constants.
        on_meta: Whether the run has no values, so that those of constants cannot change unseen.
    """

    def __init__(self, builder: GraphBuilder, folder: ConstantFolder, on_meta: bool) -> None:
        self._builder, self._folder, self._on_meta = builder, folder, on_meta
        self._values: dict[int, Value] = {}
        self._aliases: dict[int, _Alias] = {}
        self._alive: list[object] = []  # so that no identity is reused during the run

    def put(self, tensor: Tensor, value: Value, *, mapped: bool = False) -> None:
        """Set the value of a tensor that is no view; ``mapped`` inside ``torch.vmap``."""
        self._values[id(tensor)] = value
        self._aliases.pop(id(tensor), None)
        self._alive.append(tensor)
        if mapped and isinstance(value, Data):
            inner = unmapped(tensor)
            if inner is not tensor:
                self.put(inner, Data(value.node, base_layout(inner.shape)), mapped=True)

    def update_view(self, tensor: Tensor, value: Value) -> None:
        """Set the value of a tensor whose dimensions were changed in place."""
        self._values[id(tensor)] = value

    def bind(self, call: Call, views: Sequence[Tensor]) -> None:
        """Bind the views that a call returned to their base."""
        base, start = call.first, 0
        for part, tensor in enumerate(views):
            alias = _Alias(base, call, part, part_index(call, tensor, part, start))
            self._aliases[id(tensor)] = alias
            self._alive.append(tensor)
            start += part_size(call, tensor)
            if not self._on_meta and isinstance(self.of(base), Constant):
                self.of(tensor)  # before anything else is written into it

    def of(self, tensor: Tensor) -> Value:
        """Return the value of a tensor.

        One that no function returned (out of a custom gradient, say) counts as the output of the
        latest operation.
        """
        alias = self._aliases.get(id(tensor))
        if alias is not None:
            base = self.of(alias.base)
            if alias.seen is not base:
                alias.seen = base
                self._values[id(tensor)] = self._derived(alias, base, tensor)
        found = self._values.get(id(tensor))
        if found is not None:
            return found
        inner = unmapped(tensor)
        found = self._values.get(id(inner)) if inner is not tensor else None
        if isinstance(found, Constant):
            return found
        node = self._builder.latest if found is None else self._builder.node(found)
        return Data(node, base_layout(tensor.shape, 0 if found is None else -1))

    def constant(self, tensor: Tensor) -> Constant:
        """Return the constant that a tensor is; an unknown one for data."""
        value = self.of(tensor)
        return value if isinstance(value, Constant) else Constant()

    def constant_or_none(self, tensor: Tensor) -> Constant | None:
        """Return the constant that a tensor is; None for data."""
        value = self.of(tensor)
        return value if isinstance(value, Constant) else None

    def is_value_of(self, value: Value, tensor: Tensor) -> bool:
        """Return whether a tensor has this value already."""
        return value is self._values.get(id(tensor))

    def write(self, tensor: Tensor, value: Value) -> None:
        """Set the value of a tensor that was changed in place, and of what it is a view of."""
        alias = self._aliases.get(id(tensor))
        before = None if alias is None else self.of(alias.base)
        self._values[id(tensor)] = value
        if alias is not None and before is not None:
            self.write(alias.base, self._written_base(alias, before, value, tensor))
            alias.seen = self._values[id(alias.base)]

    def reordered(self, call: Call, base: Value, tensor: Tensor) -> Value:
        """Return the value of a view that keeps all elements of its base."""
        assert isinstance(base, Data)
        if tensor.dtype is not call.first.dtype:
            return self._builder.implicit(
                "view", (str(tensor.dtype),), [(call.first, base)], tensor
            )
        name = "reshape" if call.name == "slice" else call.name
        rest = [v for v in call.values.values() if not isinstance(v, Tensor)]
        layout = view_layout(name, rest, base.layout, tuple(tensor.shape))
        if layout is None:
            base = self._builder.reordered(base)
            layout = view_layout(name, rest, base.layout, tuple(tensor.shape))
            assert layout is not None  # contiguous elements can have any shape
        return base._replace(layout=layout)

    def _derived(self, alias: _Alias, base: Value, tensor: Tensor) -> Value:
        """Return the value of a view of a base."""
        call = alias.call
        if isinstance(base, Constant):
            return self._folder.fold(call, [base], [tensor], None, self.constant, None, alias.part)[
                0
            ]
        sources = [(alias.base, base)]
        if alias.index:
            return self._builder.implicit("slice", alias.index, sources, tensor)
        if call.name in WHOLE_VIEWS or call.name == "slice":
            return self.reordered(call, base, tensor)
        if call.name in SAME:
            return base
        return self._builder.implicit(call.name, facts(call).arguments, sources, tensor)

    def _written_base(self, alias: _Alias, base: Value, value: Value, tensor: Tensor) -> Value:
        """Return the value of a base after ``value`` was written into a view of it."""
        part = alias.index or (() if alias.call.name in _WHOLE else facts(alias.call).arguments)
        if isinstance(base, Constant) and isinstance(value, Constant):
            known = base.values if value.values is not None else None
            origin = expression("set_item", [base.label, *part, value.label])
            parameters = base.parameters + value.parameters
            works = base.works + value.works
            return Constant(known, origin, parameters, works, frozen=not self._on_meta)
        sources = [(alias.base, base), (tensor, value)]
        if part:
            return self._builder.implicit("set_item", part, sources, alias.base)
        if isinstance(value, Constant):
            return value
        if isinstance(base, Data) and value.layout[:3] == self._seen(alias, base, tensor)[:3]:
            return Data(value.node, base.layout)
        if value.layout.strides is None and alias.call.name not in PERMUTES:
            shape = tuple(alias.base.shape)
            return value._replace(layout=value.layout._replace(shape=shape))
        return self._builder.implicit("set_item", (alias.call.name,), sources, alias.base)

    def _seen(self, alias: _Alias, base: Data, tensor: Tensor) -> Layout:
        view = self.reordered(alias.call, base, tensor) if alias.call.name not in SAME else base
        assert isinstance(view, Data)
        return view.layout


def unmapped(tensor: Tensor) -> Tensor:
    """Return the tensor with the dimensions that ``torch.vmap`` maps over."""
    while torch._C._functorch.is_batchedtensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor
