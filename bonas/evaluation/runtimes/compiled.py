"""``torch.compile``: kernels that are generated for one network; it takes a C++ compiler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import nn

from bonas.evaluation.runtimes.eager import TorchSession
from bonas.evaluation.runtimes.export_failed import failed
from bonas.evaluation.runtimes.silence import silence
from bonas.spaces import Example


@dataclass(frozen=True)
class Compiled:
    """The runtime ``compile``."""

    device: torch.device
    threads: int | None = 1  # set for the process by whoever measures

    name: ClassVar[str] = "compile"
    version: ClassVar[str] = torch.__version__
    precision: ClassVar[str] = "float32"
    cost: ClassVar[float] = 15.0

    def prepare(
        self, network: nn.Module, example: Example, calibration: Sequence[Example]
    ) -> TorchSession:
        """Compile a network by running it once.

        Raises:
            ExportFailed: if it cannot be compiled.
        """
        # After eight networks with the same forward the compiler would fall back to eager silently.
        torch.compiler.reset()
        inputs = example.to(self.device)
        try:
            with silence():
                compiled = cast(nn.Module, torch.compile(network.to(self.device)))
                TorchSession(compiled, inputs.mapped(torch.clone)).run()
        except Exception as error:
            raise failed(error, "torch.compile") from error
        return TorchSession(compiled, inputs)
