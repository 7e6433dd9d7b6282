"""Networks without memory: on the meta device, where tensors have shapes but no values."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

STORAGE = frozenset({torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn})
"""What makes tensors that are mostly filled later."""

_INITS = ("constant_", "kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_")
_FILLING = frozenset(getattr(torch.nn.init, name) for name in _INITS) | {
    getattr(Tensor, name) for name in ("fill_", "normal_", "uniform_", "zero_")
}


class _Unallocated(TorchFunctionMode):
    """Networks that are built inside have no memory: new tensors are on the meta device.

    Tensors with values that a builder may read (``linspace``, ``tensor``) are real. Initialisation
    is skipped.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in STORAGE and kwargs.get("device") is None:
            return func(*args, **{**kwargs, "device": "meta"})
        if func in _FILLING:
            tensor = args[0] if args else kwargs["tensor"]
            if tensor.is_meta:
                return tensor
        return func(*args, **kwargs)


@contextmanager
def unallocated() -> Iterator[None]:
    """Build without memory, and without a draw from torch's global random state."""
    with torch.random.fork_rng(devices=[]), _Unallocated():
        yield


def without_memory(module: nn.Module) -> nn.Module:
    """The module, or a copy of it that has its last real parameters and buffers on meta, too.

    What has memory may be the builder's own, such as a pre-trained part of all its networks, which
    is never changed. A module that cannot be copied is returned as it is.
    """
    tensors = (t for m in (module.parameters(), module.buffers()) for t in m)
    real = [t for t in tensors if not t.is_meta and t.dim()]
    if not real:
        return module
    instead = {id(tensor): _on_meta(tensor) for tensor in real}
    try:
        return copy.deepcopy(module, instead)
    except Exception:
        return module


def _on_meta(tensor: Tensor) -> Tensor:
    empty = tensor.detach().to("meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty
