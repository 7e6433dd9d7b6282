"""Zen: how much the features change with the input, had they not been normalised.

    s = log mean_x sum |f(x) - f(x + 0.01 e)| + sum over normalisations of log sqrt(0.81 + 0.19 v)

for normal inputs ``x`` and ``e``, with normal weights, in training mode. ``f`` are the features:
what enters the last global pooling, else the last linear layer, else the output. ``v`` is the mean
of the variances by which a normalisation divides; with the numbers around it, it is the running
variance of a batch norm after both passes, which the authors take. It needs no data.

Source: Lin, Wang, Sun, Chen, Sun, Qian, Li and Jin (2021), "Zen-NAS: A zero-shot NAS for
high-performance image recognition", ICCV.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bonas.evaluation.zero_cost.functions import (
    EMBEDDINGS,
    NORMALISATIONS,
    first_tensor,
    name_of,
)
from bonas.evaluation.zero_cost.probe import Probe, training
from bonas.evaluation.zero_cost.replaced import replaced

_STEP = 0.01
_KEPT = 0.9**2  # of a running variance of 1 in two passes, with torch's momentum of 0.1
_POOLINGS = ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")


def zen(probe: Probe) -> float:
    """Return the score of a network; -inf if the features do not change.

    Raises:
        NoScore: if the network cannot take such inputs.
    """
    generator = torch.Generator().manual_seed(probe.batch.seed)

    def normal(parameter: Tensor) -> Tensor:
        if parameter.dim() < 2:
            return parameter
        return torch.randn(parameter.shape, generator=generator).to(parameter)

    with replaced(probe.network, normal), torch.no_grad():
        training(probe.network)
        (still, scale), (moved, _) = (_features(probe, step) for step in (0.0, _STEP))
    change = float((still - moved).double().abs().sum()) / probe.batch.rows
    return math.log(change) + scale if change > 0.0 else -math.inf


class _FeatureMode(TorchFunctionMode):
    """A mode that keeps the features and the scale of a pass with normal inputs.

    Attributes:
        scale: Sum of the logarithms of the deviations by which normalisations divide.
        pooled: What enters the last global pooling.
        mapped: What enters the last linear layer.
    """

    def __init__(self, seed: int, step: float) -> None:
        super().__init__()
        self.generator, self.step = torch.Generator().manual_seed(seed), step
        self.scale = 0.0
        self.pooled: Tensor | None = None
        self.mapped: Tensor | None = None

    def normal(self, like: Tensor) -> Tensor:
        """Return ``x + step e`` for normal ``x`` and ``e``, the same for each step."""
        x, e = (torch.randn(like.shape, generator=self.generator) for _ in range(2))
        return (x + self.step * e).to(like)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs, name = kwargs or {}, name_of(func)
        entering = first_tensor(args)
        if entering is not None and entering.is_floating_point():
            if name in _POOLINGS:
                self.pooled = entering.clone()
            elif name == "linear":
                self.mapped = entering.clone()
            elif name in NORMALISATIONS:
                variance = _KEPT + (1.0 - _KEPT) * _mean_variance(name, entering, args, kwargs)
                self.scale += 0.5 * math.log(variance)
        returned = func(*args, **kwargs)
        return self.normal(returned) if name in EMBEDDINGS else returned


def _features(probe: Probe, step: float) -> tuple[Tensor, float]:
    """Return the features for normal inputs, moved by ``step``, and the scale."""
    seen = _FeatureMode(probe.batch.seed + 1, step)
    example = probe.batch.example.mapped(lambda x: seen.normal(x) if x.is_floating_point() else x)
    with seen:
        output = probe.run(example)
    found = (x for x in (seen.pooled, seen.mapped, output) if x is not None)
    return next(found), seen.scale


def _mean_variance(name: str, x: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
    """Return the mean of the variances by which a normalisation divides ``x``."""
    x = x.double()
    if name == "batch_norm":  # of each channel, over the batch and all positions
        return float(x.var(dim=[0, *range(2, x.dim())]).mean())
    if name in ("layer_norm", "rms_norm"):  # of each vector
        shape = kwargs["normalized_shape"] if "normalized_shape" in kwargs else args[1]
        return float(x.flatten(x.dim() - len(shape)).var(dim=-1).mean())
    groups: int = kwargs.get("num_groups", args[1]) if name == "group_norm" else x.shape[1]
    return float(x.reshape(len(x), groups, -1).var(dim=-1).mean())
