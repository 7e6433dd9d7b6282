"""The hidden layer of each member of an ensemble, trained to predict values and to order them.

    phi(x) = [1, e(x), h(x)],   h(x) = silu(A e(x) + b)
    loss = mean squared error + ranking * mean over pairs of log(1 + exp(-difference))

Source: Burges et al. (2005), "Learning to rank using gradient descent", ICML (the loss over pairs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class HiddenLayer:
    """``weight``: members x width x hidden, ``bias``: members x 1 x hidden."""

    weight: Tensor
    bias: Tensor

    def features(self, inputs: Tensor) -> Tensor:
        """Return phi = [1, e, h], ``members x n x (1 + width + hidden)``."""
        h = torch.nn.functional.silu(inputs @ self.weight + self.bias)
        ones = torch.ones_like(inputs[..., :1])
        return torch.cat([ones, inputs / math.sqrt(inputs.shape[-1]), h], dim=-1)


def train_hidden_layer(
    inputs: Tensor,
    z: Tensor,
    keep: Tensor,
    hidden: int,
    steps: int,
    ranking: float,
    generator: torch.Generator,
) -> HiddenLayer:
    """Train hidden layers that help a linear last layer to fit the values each member may see.

    ``inputs``: members x n x width; ``z``: n x 1; ``keep``: members x n zeros and ones.
    """
    members, _, width = inputs.shape
    weight = _normal((members, width, hidden), generator) / math.sqrt(width)
    bias = _normal((members, 1, hidden), generator)
    out = torch.zeros(members, 1 + width + hidden, 1, dtype=torch.float64)
    parameters = [tensor.requires_grad_() for tensor in (weight, bias, out)]
    optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=1e-2)
    share = (keep / keep.sum(1, keepdim=True).clamp_min(1.0)).unsqueeze(-1)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            prediction = HiddenLayer(weight, bias).features(inputs) @ out
            loss = (share * (prediction - z).square()).sum()
            loss = loss + ranking * _ranking_loss(prediction, z, keep, generator)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
    return HiddenLayer(weight.detach(), bias.detach())


def _ranking_loss(
    prediction: Tensor, z: Tensor, keep: Tensor, generator: torch.Generator
) -> Tensor:
    """Compute the mean loss over random pairs of ``members x n x 1`` predictions, summed."""
    other = torch.randperm(len(z), generator=generator)
    order = torch.sign(z - z[other]).squeeze(-1)
    counts = keep * keep[:, other] * order.abs()
    difference = (prediction - prediction[:, other]).squeeze(-1) * order
    charged = counts * torch.nn.functional.softplus(-difference)
    return (charged.sum(1) / counts.sum(1).clamp_min(1.0)).sum()


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=generator)
