"""Networks without memory: built on the meta device, where tensors have shapes but no values.

Small constants keep their values, since a mask or a table decides what a network computes; for
large ones the expression that made them is kept.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from bonas.spaces.tracing.argument_labels import argument_labels
from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.constants import LIMIT, Constant, expression, value_label
from bonas.spaces.tracing.function_names import RANDOM, SAME, plain_name
from bonas.spaces.tracing.known_tensors import attach_constant, constant_of

STORAGE = frozenset({torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn})
"""Factories of tensors that are mostly filled later."""

_EVEN = frozenset({torch.zeros, torch.ones, torch.full})
_INITS = ("constant_", "kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_")
_FILLING = frozenset(getattr(torch.nn.init, name) for name in _INITS) | {
    getattr(Tensor, name) for name in ("fill_", "normal_", "uniform_", "zero_")
}
_MOVES = frozenset({Tensor.to, Tensor.cpu, Tensor.cuda})
_SEED = 20205  # any fixed number


class _Unallocated(TorchFunctionMode):
    """A mode in which networks are built without memory: new tensors are on the meta device.

    Tensors with values that a builder may read (``linspace``, ``tensor``) are real, and so are
    small ones of zeros or ones, from which masks are made. Initialisation and moves between devices
    are skipped.
    """

    def __init__(self) -> None:
        super().__init__()
        self._allocated: dict[int, Tensor] = {}  # by storage

    def allocated(self, tensor: Tensor) -> bool:
        """Return whether a tensor with values was allocated inside the mode."""
        return _storage(tensor) in self._allocated

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "__get__":
            return func(*args, **kwargs)
        if func in STORAGE and kwargs.get("device") is None:
            if func in _EVEN and _elements(args, kwargs) <= LIMIT:
                return self._note(func(*args, **kwargs))
            return self._with_origin(func, args, {**kwargs, "device": "meta"})
        if func in _FILLING:
            tensor = args[0] if args else kwargs["tensor"]
            if tensor.is_meta:
                return tensor
        if func in _MOVES:
            return _moved(args, kwargs)
        return self._with_origin(func, args, kwargs)

    def _with_origin(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call a function, and attach to a result without values the expression that made it."""
        out = func(*args, **kwargs)
        target = args[0] if getattr(func, "__name__", "") == "__setitem__" else out
        if type(target) is not Tensor or func is torch.empty:
            return out
        if not target.is_meta:
            self._note(target)
        elif plain_name(func) not in SAME or hasattr(args[0], "_bonas_constant"):
            origin = _origin(plain_name(func), Call(plain_name(func), func, args, kwargs, target))
            attach_constant(target, Constant(origin=origin))
            if target._base is not None and target is args[0]:
                attach_constant(target._base, Constant(origin=expression("set_item", [origin])))
        return out

    def _note(self, tensor: Tensor) -> Tensor:
        self._allocated[_storage(tensor)] = tensor
        return tensor


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _origin(name: str, call: Call) -> str:
    """Return the expression that made a tensor without values."""
    inputs = [constant_of(tensor).label or "parameter" for _, tensor in call.tensors()]
    if name in RANDOM or name in SAME:
        return inputs[0] if name in SAME else name
    return expression(name, [*inputs, *argument_labels(call), str(tuple(call.out.shape))])


def _elements(args: tuple[Any, ...], kwargs: Any) -> float:
    """Return the number of elements that a factory will allocate; infinity if unknown."""
    size = args[0] if args else kwargs.get("size", ())
    sides = size if isinstance(size, (tuple, list)) else [a for a in args if isinstance(a, int)]
    try:
        return math.prod(int(side) for side in sides)
    except (TypeError, ValueError):
        return math.inf


def _moved(args: tuple[Any, ...], kwargs: Any) -> Tensor:
    """Return the tensor on its own device, in another dtype if that was asked for."""
    tensor: Tensor = args[0]
    given = (*args[1:], *kwargs.values())
    dtypes = [v.dtype if isinstance(v, Tensor) else v for v in given]
    dtype = next((t for t in dtypes if isinstance(t, torch.dtype)), tensor.dtype)
    if dtype is tensor.dtype:
        return tensor
    out = tensor.to(dtype)
    if tensor.is_meta and not isinstance(tensor, nn.Parameter):
        attach_constant(out, constant_of(tensor))
    return out


_current: ContextVar[_Unallocated | None] = ContextVar("_current", default=None)


@contextmanager
def unallocated() -> Iterator[None]:
    """Build networks inside without memory, and without draws from a global random state."""
    mode = _Unallocated()
    token = _current.set(mode)
    try:
        with seeded(), mode:
            yield
    finally:
        _current.reset(token)


@contextmanager
def seeded() -> Iterator[None]:
    """Seed all global generators inside, and restore their states afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # libraries draw from it
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_SEED)
        random.seed(_SEED)
        np.random.seed(_SEED)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def without_memory(module: nn.Module) -> nn.Module:
    """Return the module, or a copy of it, with all parameters and buffers on the meta device.

    Real tensors that were not allocated in this mode may belong to the user, such as a pre-trained
    part of all networks. They are never changed: the result is a copy. A module that cannot be
    copied is returned as it is. Tensors that several modules share stay shared, and the values of
    small buffers are kept as constants.
    """
    mode = _current.get()
    with torch._C.DisableTorchFunction():
        real = [tensor for tensor in _held(module) if _is_real(tensor)]
        replacements = {id(tensor): _on_meta(tensor) for tensor in real}
        if mode is not None and all(map(mode.allocated, real)):
            _replace_tensors(module, replacements)
            return module
        try:
            return copy.deepcopy(module, dict[int, Any](replacements)) if real else module
        except Exception:
            return module


def _held(module: nn.Module) -> Iterator[Tensor]:
    for part in module.modules():
        for tensor in (*part._parameters.values(), *part._buffers.values(), *vars(part).values()):
            if isinstance(tensor, Tensor):
                yield tensor


def _replace_tensors(module: nn.Module, replacements: dict[int, Tensor]) -> None:
    for part in module.modules():
        tables: tuple[dict[str, Any], ...] = (part._parameters, part._buffers, vars(part))
        for tensors in tables:
            for name, tensor in tensors.items():
                if id(tensor) in replacements:
                    tensors[name] = replacements[id(tensor)]


def _is_real(tensor: Tensor) -> bool:
    return not tensor.is_meta and tensor.dim() > 0 and not is_lazy(tensor)


def _on_meta(tensor: Tensor) -> Tensor:
    """Return the tensor without values; a buffer keeps them, or their digest, as a constant."""
    values = tensor.detach()
    empty = torch.empty_like(values, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(empty, requires_grad=tensor.requires_grad)
    known = Constant(values) if tensor.numel() <= LIMIT else Constant(origin=value_label(values))
    return attach_constant(empty, known)
