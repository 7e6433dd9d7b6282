"""Batch norms that return their input: their statistics and their weights are those of a batch.

    y = w (x - m) / sqrt(v + eps) + b   with   w = sqrt(v + eps),  b = m

with the mean m and the variance v of what they read, so that they change nothing in evaluation, and
little in training.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.function_names import plain_name


class Calibration(TorchFunctionMode):
    """A mode that sets each of the given batch norms when it is called, one after the other.

    Args:
        weights: The weights of the batch norms.
    """

    def __init__(self, weights: Collection[Tensor]) -> None:
        super().__init__()
        self._weights = {id(weight) for weight in weights}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if plain_name(func) == "batch_norm":
            call = Call("batch_norm", func, args, kwargs, args[0])
            if id(call.get("weight")) in self._weights:
                _set(call)
        return func(*args, **kwargs)


def _set(call: Call) -> None:
    x, eps = call.at(0, "input"), call.get("eps", 1e-5)
    over = [dim for dim in range(x.dim()) if dim != 1]
    mean = x.mean(over)
    variance = (x - mean.view(1, -1, *[1] * (x.dim() - 2))).square().mean(over)
    call.get("weight").copy_((variance + eps).sqrt())
    if call.get("bias") is not None:
        call.get("bias").copy_(mean)
    for name, value in (("running_mean", mean), ("running_var", variance)):
        buffer = call.get(name)
        if buffer is not None:
            buffer.copy_(value)


def calibrate(call: Any, weights: Collection[Tensor]) -> None:
    """Run ``call()``, and let these batch norms return what they read in it."""
    with torch.no_grad(), Calibration(weights):
        call()
