"""Networks without memory: on the meta device, where tensors have shapes but no values.

Small constants keep theirs, since a mask or a table decides what a network computes; of large ones
it is remembered how they were made.
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

from bonas.spaces.tracing.calls import Call, arguments_told
from bonas.spaces.tracing.constants import LIMIT, Constant, expression, written
from bonas.spaces.tracing.function_names import RANDOM, SAME, plain_name
from bonas.spaces.tracing.known_tensors import constant_of, remember

STORAGE = frozenset({torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn})
"""What makes tensors that are mostly filled later."""

_EVEN = frozenset({torch.zeros, torch.ones, torch.full})
_INITS = ("constant_", "kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_")
_FILLING = frozenset(getattr(torch.nn.init, name) for name in _INITS) | {
    getattr(Tensor, name) for name in ("fill_", "normal_", "uniform_", "zero_")
}
_MOVES = frozenset({Tensor.to, Tensor.cpu, Tensor.cuda})
_SEED = 20205  # any fixed number


class _Unallocated(TorchFunctionMode):
    """Networks that are built inside have no memory: new tensors are on the meta device.

    Tensors with values that a builder may read (``linspace``, ``tensor``) are real, and so are
    small ones of zeros or ones, out of which masks are made. Initialisation is skipped, and so are
    moves to a device.
    """

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, Tensor] = {}  # by the place of their elements

    def made(self, tensor: Tensor) -> bool:
        """Whether a tensor with values was made inside."""
        return _place(tensor) in self._made

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "__get__":
            return func(*args, **kwargs)
        if func in STORAGE and kwargs.get("device") is None:
            if func in _EVEN and _elements(args, kwargs) <= LIMIT:
                return self._noted(func(*args, **kwargs))
            return self._remembered(func, args, {**kwargs, "device": "meta"})
        if func in _FILLING:
            tensor = args[0] if args else kwargs["tensor"]
            if tensor.is_meta:
                return tensor
        if func in _MOVES:
            return _moved(args, kwargs)
        return self._remembered(func, args, kwargs)

    def _remembered(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What the function returns; of tensors without values, how they were made."""
        out = func(*args, **kwargs)
        target = args[0] if getattr(func, "__name__", "") == "__setitem__" else out
        if type(target) is not Tensor or func is torch.empty:
            return out
        if not target.is_meta:
            self._noted(target)
        elif plain_name(func) not in SAME or hasattr(args[0], "_bonas_constant"):
            text = _made(plain_name(func), Call(plain_name(func), func, args, kwargs, target))
            remember(target, Constant(made=text))
            if target._base is not None and target is args[0]:
                remember(target._base, Constant(made=expression("set_item", [text])))
        return out

    def _noted(self, tensor: Tensor) -> Tensor:
        self._made[_place(tensor)] = tensor
        return tensor


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _made(name: str, call: Call) -> str:
    """How a tensor without values was made."""
    inputs = [constant_of(tensor).text or "parameter" for _, tensor in call.tensors()]
    if name in RANDOM or name in SAME:
        return inputs[0] if name in SAME else name
    return expression(name, [*inputs, *arguments_told(call), str(tuple(call.out.shape))])


def _elements(args: tuple[Any, ...], kwargs: Any) -> float:
    """How many elements a tensor of zeros or ones will have."""
    size = args[0] if args else kwargs.get("size", ())
    sides = size if isinstance(size, (tuple, list)) else [a for a in args if isinstance(a, int)]
    try:
        return math.prod(int(side) for side in sides)
    except (TypeError, ValueError):
        return math.inf


def _moved(args: tuple[Any, ...], kwargs: Any) -> Tensor:
    """A tensor that stays where it is, with another type of numbers if that was asked for."""
    tensor: Tensor = args[0]
    given = (*args[1:], *kwargs.values())
    types = [v.dtype if isinstance(v, Tensor) else v for v in given]
    dtype = next((t for t in types if isinstance(t, torch.dtype)), tensor.dtype)
    if dtype is tensor.dtype:
        return tensor
    out = tensor.to(dtype)
    if tensor.is_meta and not isinstance(tensor, nn.Parameter):
        remember(out, constant_of(tensor))
    return out


_current: ContextVar[_Unallocated | None] = ContextVar("_current", default=None)


@contextmanager
def unallocated() -> Iterator[None]:
    """Build without memory, and without a draw from a global random state."""
    mode = _Unallocated()
    token = _current.set(mode)
    try:
        with seeded(), mode:
            yield
    finally:
        _current.reset(token)


@contextmanager
def seeded() -> Iterator[None]:
    """Draw the same random numbers each time, and leave the global states as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # others draw from it
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
    """The module, or a copy of it, with its last real parameters and buffers on meta, too.

    What has memory may be the builder's own, such as a pre-trained part of all its networks, which
    is never changed: then it is a copy. A module that cannot be copied is returned as it is. A
    tensor that several modules share stays one; what the values of buffers were is remembered.
    """
    mode = _current.get()
    with torch._C.DisableTorchFunction():
        real = [tensor for tensor in _held(module) if _is_real(tensor)]
        instead = {id(tensor): _on_meta(tensor) for tensor in real}
        if mode is not None and all(map(mode.made, real)):
            _put_instead(module, instead)
            return module
        try:
            return copy.deepcopy(module, dict[int, Any](instead)) if real else module
        except Exception:
            return module


def _held(module: nn.Module) -> Iterator[Tensor]:
    for part in module.modules():
        for tensor in (*part._parameters.values(), *part._buffers.values(), *vars(part).values()):
            if isinstance(tensor, Tensor):
                yield tensor


def _put_instead(module: nn.Module, instead: dict[int, Tensor]) -> None:
    for part in module.modules():
        tables: tuple[dict[str, Any], ...] = (part._parameters, part._buffers, vars(part))
        for tensors in tables:
            for name, tensor in tensors.items():
                if id(tensor) in instead:
                    tensors[name] = instead[id(tensor)]


def _is_real(tensor: Tensor) -> bool:
    return not tensor.is_meta and tensor.dim() > 0 and not is_lazy(tensor)


def _on_meta(tensor: Tensor) -> Tensor:
    """A tensor without values; of a constant it is remembered what they were."""
    values = tensor.detach()
    empty = torch.empty_like(values, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(empty, requires_grad=tensor.requires_grad)
    known = Constant(values) if tensor.numel() <= LIMIT else Constant(made=written(values))
    return remember(empty, known)
