"""Synaptic flow: how much can flow from the input to the output through all weights.

    s = log sum_w |w dR/dw|,   R = sum of the outputs for an input of ones

with all parameters replaced by their absolute values and all normalisations by the identity: with
batch norms left in, the score says little. The sum is over the weights of convolutions, linear and
recurrent layers. It needs no data. Values grow exponentially with depth: float64, and a logarithm.

Source: Tanaka, Kunin, Yamins and Ganguli (2020), "Pruning neural networks without any data by
iteratively conserving synaptic flow", NeurIPS; as a score of architectures in Abdelfattah et al.
(2021), "Zero-cost proxies for lightweight NAS", ICLR.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bonas.errors import NoScore
from bonas.evaluation.zero_cost.functions import (
    EMBEDDINGS,
    NORMALISATIONS,
    first_tensor,
    name_of,
)
from bonas.evaluation.zero_cost.probe import Probe
from bonas.evaluation.zero_cost.replaced import replaced


def synflow(probe: Probe) -> float:
    """Return the score of a network; -inf if nothing flows.

    A network that does not run in float64 is scored in its own precision.

    Raises:
        NoScore: if the network cannot be differentiated.
    """
    try:
        return _synflow(probe, torch.float64)
    except NoScore:
        return _synflow(probe, None)


def _synflow(probe: Probe, precision: torch.dtype | None) -> float:
    def ones(tensor: Tensor) -> Tensor:
        return torch.ones_like(tensor, dtype=precision) if tensor.is_floating_point() else tensor

    with replaced(probe.network, torch.abs, precision):
        probe.network.eval()
        with _Linearised():
            output = probe.run(probe.batch.example.resized(1).mapped(ones))
        weights = probe.weights
        gradients = probe.gradients(output.sum(), weights)
        flow = sum(
            float((weight.detach() * gradient).abs().double().sum())
            for weight, gradient in zip(weights, gradients, strict=True)
            if gradient is not None
        )
    return math.log(flow) if flow > 0.0 else -math.inf


class _Linearised(TorchFunctionMode):
    """A mode without normalisations, in which each embedding is a vector of ones."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs, name = kwargs or {}, name_of(func)
        if name in NORMALISATIONS:
            return first_tensor(args) if args else kwargs["input"]
        returned = func(*args, **kwargs)
        return torch.ones_like(returned) if name in EMBEDDINGS else returned
