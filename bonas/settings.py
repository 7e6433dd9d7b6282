"""Torch's defaults, whatever a script has set.

A script, or a library that it imports, may have disabled gradients, entered inference mode or
autocast, or set a default device or dtype. Evaluations belong to the user and run under these
settings. Encoders, surrogates, acquisition and the tracing of networks run inside ``own_settings``,
so that a search proposes the same networks whatever was set.

In torch, gradients, inference mode, autocast and the default device belong to a thread, the default
dtype to the process. The default dtype is never changed, since an evaluation may run in another
thread: a function mode, which belongs to a thread, sets the dtype of new tensors. It does not see
the dtype of a quotient of integers, so that code of bonas names its dtypes there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_CPU = torch.device("cpu")
_NAMES = ("empty", "eye", "linspace", "logspace", "ones", "rand", "randn", "zeros")
_FILLED = frozenset(getattr(torch, name) for name in _NAMES)
"""Functions that make tensors of the default dtype,"""
_INFERRED = frozenset((torch.arange, torch.as_tensor, torch.full, torch.tensor))
"""and functions that do so if they are given floats of Python."""
_own = threading.local()  # has ``precision`` while the mode is active: one is enough


@contextmanager
def own_settings() -> Iterator[None]:
    """Run the block, in this thread, under torch's defaults; restore the settings afterwards.

    That is: gradients are recorded, outside inference mode and autocast; new tensors are float32
    and on the CPU. If a script has set nothing, this costs a few microseconds.
    """
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device() != _CPU:
            stack.enter_context(_CPU)
        if torch.get_default_dtype() != torch.float32 and not hasattr(_own, "precision"):
            stack.enter_context(_SinglePrecision())
            _own.precision = True
            stack.callback(delattr, _own, "precision")
        yield


class _SinglePrecision(TorchFunctionMode):
    """A mode in which new floating-point tensors are float32 unless a dtype is given."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        single = {**kwargs, "dtype": torch.float32}
        if kwargs.get("dtype") is not None or func not in _FILLED | _INFERRED:
            return func(*args, **kwargs)
        if func in _INFERRED:
            made: Tensor = func(*args, **kwargs)
            if made.dtype != torch.get_default_dtype() or not _are_plain((args, *kwargs.values())):
                return made
        return func(*args, **single)


def _are_plain(value: object) -> bool:
    """Return whether all values are numbers of Python, which have no dtype of their own."""
    if isinstance(value, (list, tuple)):
        return all(map(_are_plain, value))
    return not isinstance(value, (Tensor, np.ndarray))
