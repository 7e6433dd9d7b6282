"""The tensors that a network holds before it runs.

These are parameters, buffers, plain attributes, tensors in lists and dictionaries among attributes,
tensors in closures, and globals that a ``forward`` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from bonas.spaces.tracing.constants import LIMIT, Constant

_DEPTH = 3  # nesting of containers that is searched
_PLAIN = frozenset(
    {int, float, bool, str, bytes, type(None), torch.dtype, torch.device, torch.Size, type}
)
_INNER = frozenset(vars(nn.Module()))

_global_names: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()


def known_tensors(module: nn.Module) -> Iterator[tuple[Tensor, Constant]]:
    """Yield every tensor of a network, with the constant that it is."""
    for part in module.modules():
        for parameter in part._parameters.values():
            if parameter is not None:
                yield parameter, Constant(parameters=(parameter,))
        for buffer in part._buffers.values():
            if buffer is not None:
                yield buffer, constant_of(buffer)
        for tensor in _held(part):
            yield tensor, constant_of(tensor)


def constant_of(tensor: Tensor) -> Constant:
    """Describe a tensor that no function of this run returned."""
    if isinstance(tensor, nn.Parameter):
        return Constant(parameters=(tensor,))
    attached: Constant | None = getattr(tensor, "_bonas_constant", None)
    if attached is not None:
        return attached
    if tensor.is_meta or tensor.numel() > LIMIT:
        return Constant(origin="" if not tensor.is_meta else "unknown")
    return Constant(tensor if tensor.device.type == "cpu" else tensor.cpu())


def attach_constant(tensor: Tensor, constant: Constant) -> Tensor:
    """Attach a constant to a tensor, so that it is known even where the values are gone."""
    tensor._bonas_constant = constant  # type: ignore[attr-defined]  # a mark of this package
    return tensor


def _held(part: nn.Module) -> Iterator[Tensor]:
    for name, value in vars(part).items():
        if type(value) not in _PLAIN and name not in _INNER:
            yield from _within(value, _DEPTH)
    forward = type(part).forward
    if isinstance(forward, FunctionType):
        for name in _globals_of(type(part), forward):
            value = forward.__globals__.get(name)
            if type(value) is Tensor:
                yield value


def _globals_of(kind: type, forward: FunctionType) -> tuple[str, ...]:
    """Return the names in a ``forward`` that its module defines as tensors."""
    if kind not in _global_names:
        module = forward.__globals__
        found = [n for n in forward.__code__.co_names if isinstance(module.get(n), Tensor)]
        _global_names[kind] = tuple(found)
    return _global_names[kind]


def _within(value: Any, depth: int) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        if not isinstance(value, nn.Parameter):
            yield value
        return
    if depth == 0 or type(value) in _PLAIN:
        return
    if isinstance(value, Mapping):
        value = tuple(value.values())
    elif isinstance(value, FunctionType):
        value = tuple(cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell))
    if isinstance(value, (list, tuple)):
        for inner in value:
            if type(inner) not in _PLAIN:
                yield from _within(inner, depth - 1)


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
