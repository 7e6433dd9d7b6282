"""PyTorch, operation by operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from bonas.spaces import Example


@dataclass(frozen=True)
class TorchSession:
    """A PyTorch module on its inputs, run in inference mode."""

    network: nn.Module
    example: Example

    def run(self) -> object:
        """Return the outputs of one run; the network may change its inputs."""
        with torch.inference_mode():
            return self.example.call(self.network)


@dataclass(frozen=True)
class Eager:
    """The runtime ``eager``: the network as it is built, in its own precision and memory order."""

    device: torch.device
    threads: int | None = 1  # set for the process by whoever measures

    name: ClassVar[str] = "eager"
    version: ClassVar[str] = torch.__version__
    precision: ClassVar[str] = "as built"
    cost: ClassVar[float] = 0.0

    def prepare(
        self, network: nn.Module, example: Example, calibration: Sequence[Example]
    ) -> TorchSession:
        return TorchSession(network.to(self.device), example.to(self.device))
