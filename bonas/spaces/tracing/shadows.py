"""The values of constants, computed beside a run that has none.

On the meta device tensors have no values. Those of constants are small and cheap, so each function
that only constants reach is run a second time, on the CPU, on the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.calls import Call, arguments_told, tensors_of
from bonas.spaces.tracing.constants import LIMIT, Constant, Work, expression
from bonas.spaces.tracing.function_names import (
    CASTS,
    EXPANDS,
    RANDOM,
    RESHAPES,
    SAME,
)

_PASSING = RESHAPES | EXPANDS | SAME
Look = Callable[[Tensor], Constant]


class Shadows:
    """The values of a run's constants; those that the run made may be written into."""

    def __init__(self) -> None:
        self._own: set[int] = set()
        self._kept: list[Tensor] = []

    def of(self, function: Any, args: Any, kwargs: Any, look: Look) -> Any:
        """What a function returns of values."""
        return function(*_mapped(args, look), **_mapped(kwargs, look))

    def made(
        self,
        call: Call,
        inputs: Sequence[Constant],
        made: Sequence[Tensor],
        counted: int | None,
        look: Look,
        target: Tensor | None = None,
        part: int | None = None,
    ) -> list[Constant]:
        """What a function made of constants; ``part`` of it, where ``made`` is that part only."""
        values = self._values(call, inputs, made, look, target)
        if values is not None:
            taken = values if part is None or len(values) == 1 else values[part : part + 1]
            return [Constant(v, frozen=not made[0].is_meta) for v in taken]
        if call.name in _PASSING and len(inputs) == 1 and target is None:
            return list(inputs)
        if call.name in CASTS and len(inputs) == 1 and made[0].dtype is call.first.dtype:
            return list(inputs)
        parts = [c.text or "parameter" for c in inputs]
        told = (*parts, *arguments_told(call), *(() if not part else (f"part={part}",)))
        text = call.name if call.name in RANDOM else expression(call.name, told)
        parameters = tuple(p for c in inputs for p in c.parameters)
        works = dict.fromkeys(work for c in inputs for work in c.works)
        if counted:
            works[Work(counted, made[0].shape[0] if made[0].dim() > 1 else 0)] = None
        return [
            Constant(None, text if i == 0 else f"{text}[{i}]", parameters, tuple(works))
            for i in range(len(made))
        ]

    def _values(
        self,
        call: Call,
        inputs: Sequence[Constant],
        made: Sequence[Tensor],
        look: Look,
        target: Tensor | None,
    ) -> list[Tensor] | None:
        """The values of what was made; None where they are not known."""
        if call.name in RANDOM or any(c.values is None for c in inputs):
            return None
        if sum(tensor.numel() for tensor in made) > LIMIT:
            return None
        if not made[0].is_meta:
            return [t.detach() if t.device.type == "cpu" else t.detach().cpu() for t in made]
        try:
            return self._computed(call, made, look, target)
        except Exception:
            return None

    def _computed(
        self, call: Call, made: Sequence[Tensor], look: Look, target: Tensor | None
    ) -> list[Tensor]:
        if call.name in CASTS:
            return [_real(call.first, look).to(made[0].dtype)]
        if call.name in ("cpu", "cuda", "pin_memory"):
            return [_real(call.first, look)]
        written = self._writable(target, look) if target is not None else None

        def real(tensor: Tensor) -> Constant:
            return Constant(written) if tensor is target else Constant(_real(tensor, look))

        kwargs = {k: "cpu" if k == "device" else v for k, v in call.kwargs.items()}
        args = _mapped(call.args, real)
        before = {_place(t) for t in tensors_of(args)} - self._own
        out = call.function(*args, **_mapped(kwargs, real))
        found = [written] if call.name == "set_item" and written is not None else tensors_of(out)
        self._kept += found
        self._own |= {_place(t) for t in found} - before
        return found

    def _writable(self, target: Tensor, look: Look) -> Tensor:
        values = _real(target, look)
        if _place(values) in self._own:
            return values
        copy = values.clone()
        self._kept.append(copy)
        self._own.add(_place(copy))
        return copy


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _real(tensor: Tensor, look: Look) -> Tensor:
    """The values; of a tensor whose shape alone is asked for, zeros."""
    values = look(tensor).values
    if values is not None:
        return values
    return torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)


def _mapped(item: Any, look: Look) -> Any:
    """Arguments with values in the place of tensors."""
    if isinstance(item, Tensor):
        return _real(item, look)
    if isinstance(item, Mapping):
        return {key: _mapped(value, look) for key, value in item.items()}
    if type(item) in (tuple, list):
        return type(item)(_mapped(part, look) for part in item)
    return item
