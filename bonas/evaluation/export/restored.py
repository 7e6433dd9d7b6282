"""A network for regression whose outputs are in the units of the targets."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bonas.evaluation.data.splits import TargetScale


class Restored(nn.Module):
    """A network that was trained on standardised targets, and the way back: ``y * sd + mean``."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, scale: TargetScale) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(scale.mean, dtype=torch.float32))
        self.register_buffer("deviation", torch.tensor(scale.deviation, dtype=torch.float32))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        y = self.network(*args, **kwargs)
        return y * self.deviation + self.mean if isinstance(y, Tensor) else y
