"""OpenVINO, from the ONNX file, in float32: its default is bfloat16 where the CPU has it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from bonas.errors import InvalidArgument, MissingPackage
from bonas.evaluation.runtimes.export_failed import failed
from bonas.evaluation.runtimes.onnx_export import export_onnx, onnx_feed
from bonas.spaces import Example


@dataclass(frozen=True)
class OpenVINOSession:
    """An inference request of OpenVINO on its inputs."""

    request: Any
    feed: Mapping[str, np.ndarray[Any, Any]]
    size_on_disk: int

    def run(self) -> object:
        """Return the outputs of one run, as arrays."""
        return list(self.request.infer(self.feed).values())


@dataclass(frozen=True)
class OpenVINO:
    """The runtime ``openvino``: the CPU, in float32.

    Raises:
        InvalidArgument: if the device is not the CPU.
        MissingPackage: if openvino is not installed.
    """

    device: torch.device
    threads: int | None = 1

    name: ClassVar[str] = "openvino"
    precision: ClassVar[str] = "float32"
    cost: ClassVar[float] = 3.0

    def __post_init__(self) -> None:
        if find_spec("openvino") is None:
            raise MissingPackage(
                'expected the package openvino for runtime="openvino", got none; install it with '
                'pip install openvino "bonas[onnx]"'
            )
        if self.device.type != "cpu":
            raise InvalidArgument(
                f'expected device="cpu" for OpenVINO, got {str(self.device)!r}; take that'
            )

    @property
    def version(self) -> str:
        """The version of OpenVINO."""
        return version("openvino")

    def prepare(
        self, network: nn.Module, example: Example, calibration: Sequence[Example]
    ) -> OpenVINOSession:
        """Export a network for the rows of the example, and compile the file.

        Raises:
            ExportFailed: if it cannot be exported or compiled.
        """
        import openvino

        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
        if self.threads is not None:
            settings["INFERENCE_NUM_THREADS"] = self.threads
        with tempfile.TemporaryDirectory(prefix="bonas-") as folder:
            path = Path(folder) / "network.onnx"
            made = export_onnx(network, example, path, dynamic_batch=False)
            try:
                compiled = openvino.Core().compile_model(str(path), "CPU", settings)
            except Exception as error:
                raise failed(error, "OpenVINO") from error
        feed = onnx_feed(made.inputs, example)
        return OpenVINOSession(compiled.create_infer_request(), feed, made.size)
