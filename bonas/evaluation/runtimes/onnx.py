"""ONNX Runtime, in the network's own precision and in INT8."""

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

from bonas.errors import InvalidArgument
from bonas.evaluation.runtimes.int8 import quantize_onnx
from bonas.evaluation.runtimes.onnx_export import export_onnx, onnx_feed
from bonas.evaluation.runtimes.onnx_session import missing, onnxruntime, session
from bonas.spaces import Example

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
}


def check_onnx() -> None:
    """Refuse to go on without the extra ``onnx``; nothing is imported.

    Raises:
        MissingPackage: naming what is not installed.
    """
    for package in ("onnxruntime", "onnx", "onnxscript"):
        if find_spec(package) is None:
            raise missing(package, ImportError("it is not installed"))


@dataclass(frozen=True)
class OnnxSession:
    """A session of ONNX Runtime on its inputs.

    Attributes:
        size_on_disk: Bytes of the file that it was opened from.
    """

    opened: Any
    feed: Mapping[str, np.ndarray[Any, Any]]
    size_on_disk: int

    def run(self) -> object:
        """Return the outputs of one run, as arrays."""
        return self.opened.run(None, self.feed)


@dataclass(frozen=True)
class Onnx:
    """The runtime ``onnx``.

    Raises:
        InvalidArgument: if the installed ONNX Runtime cannot use the device.
        MissingPackage: without the extra ``onnx``.
    """

    device: torch.device
    threads: int | None = 1

    name: ClassVar[str] = "onnx"
    precision: ClassVar[str] = "float32"
    cost: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        check_onnx()
        if self.device.type != "cpu" and self._provider not in (
            available := onnxruntime().get_available_providers()
        ):
            raise InvalidArgument(
                f"expected a device that the installed ONNX Runtime can use, got "
                f"{str(self.device)!r}, which needs {self._provider}, not in {available}; take "
                'device="cpu", or install a build of ONNX Runtime for the device'
            )

    @property
    def version(self) -> str:
        """The version of ONNX Runtime."""
        return version("onnxruntime")

    def prepare(
        self, network: nn.Module, example: Example, calibration: Sequence[Example]
    ) -> OnnxSession:
        """Export a network for the rows of the example, and open the file.

        Raises:
            ExportFailed: if it cannot be exported, or the file computes something else.
        """
        with tempfile.TemporaryDirectory(prefix="bonas-") as folder:
            path = Path(folder) / "network.onnx"
            made = export_onnx(network, example, path, dynamic_batch=False)
            return self._opened(path, onnx_feed(made.inputs, example), made.size)

    @property
    def _provider(self) -> str:
        return _PROVIDERS[self.device.type]

    def _opened(self, path: Path, feed: dict[str, Any], size: int) -> OnnxSession:
        provider: Any = self._provider
        if self.device.type == "cuda":
            provider = (provider, {"device_id": self.device.index or 0})
        opened = session(path, threads=self.threads, providers=(provider,))
        return OnnxSession(opened, feed, size)


@dataclass(frozen=True)
class OnnxInt8(Onnx):
    """The runtime ``onnx_int8``: the CPU, in INT8.

    Raises:
        InvalidArgument: if the device is not the CPU.
        MissingPackage: without the extra ``onnx``.
    """

    name: ClassVar[str] = "onnx_int8"
    precision: ClassVar[str] = "int8"
    cost: ClassVar[float] = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.device.type != "cpu":
            raise InvalidArgument(
                f'expected device="cpu" for INT8 in ONNX Runtime, got {str(self.device)!r}; take '
                'runtime="onnx" there'
            )

    def prepare(
        self, network: nn.Module, example: Example, calibration: Sequence[Example]
    ) -> OnnxSession:
        """Export a network, quantise it with the calibration rows, and open the file.

        Raises:
            ExportFailed: if it cannot be exported or quantised.
        """
        with tempfile.TemporaryDirectory(prefix="bonas-") as folder:
            source = export_onnx(network, example, Path(folder) / "float.onnx", dynamic_batch=False)
            made = quantize_onnx(source, Path(folder) / "int8.onnx", calibration)
            return self._opened(made.path, onnx_feed(source.inputs, example), made.size)
