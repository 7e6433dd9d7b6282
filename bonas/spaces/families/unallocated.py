"""Networks without memory: on the meta device, where tensors have shapes but no values."""

from __future__ import annotations

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
    """The module with its last real parameters and buffers on the meta device, too."""
    tensors = (t for m in (module.parameters(), module.buffers()) for t in m)
    return module if all(t.is_meta or t.dim() == 0 for t in tensors) else module.to("meta")
