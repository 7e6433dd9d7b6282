"""Constant folding: the values of constants during a run on the meta device, which has none.

Constants are mostly small and cheap, so each function that reads nothing but constants is run a
second time, on the CPU, on their values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.argument_labels import argument_labels
from bonas.spaces.tracing.calls import Call, tensors_of
from bonas.spaces.tracing.constants import LIMIT, Constant, Work, expression
from bonas.spaces.tracing.function_names import (
    CASTS,
    EXPANDS,
    RANDOM,
    RESHAPES,
    SAME,
)

_VALUE_PRESERVING = RESHAPES | EXPANDS | SAME
Lookup = Callable[[Tensor], Constant]


class ConstantFolder:
    """The values of a run's constants; those that this run computed may be overwritten in place."""

    def __init__(self) -> None:
        self._own: set[int] = set()  # storages that this run allocated
        self._alive: list[Tensor] = []  # so that no storage is reused

    def evaluate(self, function: Any, args: Any, kwargs: Any, lookup: Lookup) -> Any:
        """Call a function on the values of constants."""
        return function(*_with_values(args, lookup), **_with_values(kwargs, lookup))

    def fold(
        self,
        call: Call,
        inputs: Sequence[Constant],
        outputs: Sequence[Tensor],
        multiply_adds: int | None,
        lookup: Lookup,
        target: Tensor | None = None,
        part: int | None = None,
    ) -> list[Constant]:
        """Return the constants that a function of constants returned.

        Args:
            call: The call.
            inputs: The constants that it read.
            outputs: The tensors that it returned, or one of them.
            multiply_adds: Its cost, None where unknown.
            lookup: Gives the constant that a tensor is.
            target: The tensor that it wrote into, if it did.
            part: Which of its results ``outputs`` is, where that is one of several.
        """
        values = self._values(call, inputs, outputs, lookup, target)
        if values is not None:
            taken = values if part is None or len(values) == 1 else values[part : part + 1]
            return [Constant(v, frozen=not outputs[0].is_meta) for v in taken]
        if call.name in _VALUE_PRESERVING and len(inputs) == 1 and target is None:
            return list(inputs)
        if call.name in CASTS and len(inputs) == 1 and outputs[0].dtype is call.first.dtype:
            return list(inputs)
        parts = [c.label or "parameter" for c in inputs]
        parts += [*argument_labels(call), *(() if not part else (f"part={part}",))]
        origin = call.name if call.name in RANDOM else expression(call.name, parts)
        parameters = tuple(p for c in inputs for p in c.parameters)
        works = dict.fromkeys(work for c in inputs for work in c.works)
        if multiply_adds:
            works[Work(multiply_adds, outputs[0].shape[0] if outputs[0].dim() > 1 else 0)] = None
        return [
            Constant(None, origin if i == 0 else f"{origin}[{i}]", parameters, tuple(works))
            for i in range(len(outputs))
        ]

    def _values(
        self,
        call: Call,
        inputs: Sequence[Constant],
        outputs: Sequence[Tensor],
        lookup: Lookup,
        target: Tensor | None,
    ) -> list[Tensor] | None:
        """Return the values of the outputs; None where they are not known."""
        if call.name in RANDOM or any(c.values is None for c in inputs):
            return None
        if sum(tensor.numel() for tensor in outputs) > LIMIT:
            return None
        if not outputs[0].is_meta:
            return [t.detach() if t.device.type == "cpu" else t.detach().cpu() for t in outputs]
        try:
            return self._computed(call, outputs, lookup, target)
        except Exception:
            return None

    def _computed(
        self, call: Call, outputs: Sequence[Tensor], lookup: Lookup, target: Tensor | None
    ) -> list[Tensor]:
        if call.name in CASTS:
            return [_values_of(call.first, lookup).to(outputs[0].dtype)]
        if call.name in ("cpu", "cuda", "pin_memory"):
            return [_values_of(call.first, lookup)]
        written = self._writable(target, lookup) if target is not None else None

        def real(tensor: Tensor) -> Constant:
            return Constant(written if tensor is target else _values_of(tensor, lookup))

        kwargs = {k: "cpu" if k == "device" else v for k, v in call.kwargs.items()}
        args = _with_values(call.args, real)
        foreign = {_storage(t) for t in tensors_of(args)} - self._own
        out = call.function(*args, **_with_values(kwargs, real))
        found = [written] if call.name == "set_item" and written is not None else tensors_of(out)
        self._alive += found
        self._own |= {_storage(t) for t in found} - foreign
        return found

    def _writable(self, target: Tensor, lookup: Lookup) -> Tensor:
        values = _values_of(target, lookup)
        if _storage(values) in self._own:
            return values
        copy = values.clone()
        self._alive.append(copy)
        self._own.add(_storage(copy))
        return copy


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _values_of(tensor: Tensor, lookup: Lookup) -> Tensor:
    """Return the values of a constant; zeros for a tensor of which the function reads the shape."""
    values = lookup(tensor).values
    if values is not None:
        return values
    return torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)


def _with_values(item: Any, lookup: Lookup) -> Any:
    """Replace each tensor in some arguments by its values."""
    if isinstance(item, Tensor):
        return _values_of(item, lookup)
    if isinstance(item, Mapping):
        return {key: _with_values(value, lookup) for key, value in item.items()}
    if type(item) in (tuple, list):
        return type(item)(_with_values(part, lookup) for part in item)
    return item
