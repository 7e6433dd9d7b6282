"""The ONNX file of a candidate's untrained network, for devices that are not this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from bonas.arguments import check_count
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.latency.inputs import checked_shape, example_of
from bonas.evaluation.runtime import first_pass, seeded
from bonas.evaluation.runtimes.int8 import quantize_onnx
from bonas.evaluation.runtimes.onnx_export import OnnxExport, export_onnx, onnx_feed
from bonas.settings import own_settings

PRECISIONS: Final = ("fp32", "int8")


@dataclass(frozen=True)
class OnnxFile:
    """How candidates become ONNX files.

    Args:
        input_shape: Shape of one input, without the batch; None takes that of the space.
        batch_size: Number of inputs in the batch; the file takes no other number.
        precision: ``"fp32"`` for the network as it is built, or ``"int8"`` for static quantisation
            with ranges from random inputs, which decide its values, but not its latency.

    Raises:
        InvalidArgument: if one is of another kind or out of its range.
    """

    input_shape: Sequence[int] | None = None
    _: KW_ONLY
    batch_size: int = 1
    precision: str = "fp32"

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size)
        if self.precision not in PRECISIONS:
            raise InvalidArgument(
                f"expected a precision out of {list(PRECISIONS)}, got {self.precision!r}"
            )
        if self.input_shape is not None:
            object.__setattr__(self, "input_shape", checked_shape(self.input_shape))

    def describe(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        shape = None if self.input_shape is None else list(self.input_shape)
        return {
            "input_shape": shape,
            "batch_size": self.batch_size,
            "precision": self.precision,
        }

    @contextmanager
    def of(self, candidate: Candidate) -> Iterator[tuple[Path, dict[str, np.ndarray[Any, Any]]]]:
        """Write the file of a candidate; yield its path, and its inputs by their names.

        The file was run here and compared with PyTorch. It is removed afterwards.

        Raises:
            MissingPackage: without the extra ``onnx``.
            ExportFailed: if the network cannot be exported, or the file computes something else.
        """
        with tempfile.TemporaryDirectory(prefix="bonas-") as folder:
            path = Path(folder) / "network.onnx"
            exported, feed = self._exported(candidate, path)
            yield exported, feed

    @own_settings()
    def _exported(
        self, candidate: Candidate, path: Path
    ) -> tuple[Path, dict[str, np.ndarray[Any, Any]]]:
        with seeded(np.random.SeedSequence(0), torch.device("cpu")):
            network = candidate.build()
            example = example_of(candidate.space, self.input_shape, self.batch_size)
            first_pass(network, example.mapped(torch.clone), candidate)
            found: OnnxExport = export_onnx(network, example, path, dynamic_batch=False)
            feed = onnx_feed(found.inputs, example)
            if self.precision == "fp32":
                return found.path, feed
            return quantize_onnx(found, path.with_name("int8.onnx"), [example]).path, feed
