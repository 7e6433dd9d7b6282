"""Runtime: what runs a network, as one small protocol, and those that are built in.

| name | runs | needs |
|---|---|---|
| ``eager`` | PyTorch, operation by operation | |
| ``compile`` | ``torch.compile``: 13 to 21 CPU seconds for each network | a C++ compiler |
| ``onnx`` | ONNX Runtime | the extra ``onnx`` |
| ``onnx_int8`` | the same after static quantisation with calibration rows | the extra ``onnx`` |
| ``openvino`` | OpenVINO, in float32 | the extra ``onnx``, and ``openvino`` |

INT8 is a target of its own: smaller, but not faster on every device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from bonas.errors import InvalidArgument, unknown
from bonas.evaluation.runtimes.compiled import Compiled
from bonas.evaluation.runtimes.eager import Eager
from bonas.evaluation.runtimes.onnx import Onnx, OnnxInt8
from bonas.evaluation.runtimes.openvino import OpenVINO
from bonas.spaces import Example


class Session(Protocol):
    """A network that is ready to run on its inputs.

    It may have a ``size_on_disk`` in bytes.
    """

    def run(self) -> object:
        """Run the network once; return its outputs as tensors or arrays."""
        ...


@runtime_checkable
class Runtime(Protocol):
    """What runs a network. One of a user's own fits in ``Latency(runtime=...)``.

    It may have a ``cost``: the seconds that it takes to prepare a network, roughly.
    """

    @property
    def name(self) -> str:
        """Its name, which describes a study."""
        ...

    @property
    def version(self) -> str:
        """The version of what runs the network."""
        ...

    @property
    def precision(self) -> str:
        """``"float32"``, or another one such as ``"int8"``.

        Outputs of ``"float32"`` that differ from PyTorch's are refused; ``"int8"`` is given
        calibration rows.
        """
        ...

    def prepare(
        self, network: nn.Module, example: Example, calibration: Sequence[Example]
    ) -> Session:
        """Return a session for a network and a batch.

        Args:
            network: Untrained, in evaluation mode; it may be changed.
            example: The batch that each run computes.
            calibration: Batches to quantise with; empty unless the precision is ``"int8"``.
        """
        ...


_BUILT_IN: dict[str, Callable[[torch.device, int | None], Runtime]] = {
    "eager": Eager,
    "compile": Compiled,
    "onnx": Onnx,
    "onnx_int8": OnnxInt8,
    "openvino": OpenVINO,
}
RUNTIMES = tuple(_BUILT_IN)
"""Names of the built-in runtimes."""


def runtime_of(given: str | Runtime, device: torch.device, threads: int | None) -> Runtime:
    """Return the runtime of that name for a device and a number of threads, or a user's own.

    Raises:
        InvalidArgument: if there is none of that name, it cannot use the device, or an object is no
            runtime.
        MissingPackage: if a package is not installed.
    """
    if isinstance(given, str):
        if given not in _BUILT_IN:
            raise unknown("runtime", given, _BUILT_IN)
        return _BUILT_IN[given](device, threads)
    if isinstance(given, type) or not isinstance(given, Runtime):
        raise InvalidArgument(
            f"expected a runtime out of {list(RUNTIMES)}, or an object with name, version, "
            f"precision and prepare(network, example, calibration), got {given!r}"
        )
    return given
