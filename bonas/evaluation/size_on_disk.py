"""Size on disk: of the ONNX file that a device would get, in float32 or in INT8."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from bonas.errors import unknown
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.latency.inputs import checked_shape, example_of
from bonas.evaluation.objective import Objective
from bonas.evaluation.runtime import first_pass, seeded
from bonas.evaluation.runtimes.calibration import calibration_rows, check_calibration
from bonas.evaluation.runtimes.int8 import quantize_onnx
from bonas.evaluation.runtimes.onnx import check_onnx
from bonas.evaluation.runtimes.onnx_export import export_onnx
from bonas.settings import own_settings

_UNITS = {"bytes": 1, "kB": 1_000, "MB": 1_000_000}
_PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True)
class SizeOnDisk:
    """An evaluator: the size of a network's ONNX file.

    Called with a candidate it returns ``size_on_disk``, to be minimised, and
    ``size_on_disk_difference``: the largest difference of the file's outputs to PyTorch's (in INT8,
    to those in float32) as a share of their range. It takes 2 to 5 seconds.

    Args:
        precision: ``"fp32"`` for the network's own precision, or ``"int8"``.
        unit: ``"bytes"``, ``"kB"`` (1,000 bytes) or ``"MB"``.
        input_shape: Shape of one input, without the batch; None takes that of the space.
        calibration: Rows for INT8, as ``Latency`` takes them.
        name: Of the objective.

    Raises:
        InvalidArgument: if a setting is none of these, or no shape is known.
        MissingPackage: without the extra ``onnx``.
        ExportFailed: if a network cannot be exported or quantised.

    >>> [str(objective) for objective in SizeOnDisk("int8", unit="kB").objectives]
    ['size_on_disk [kB]']
    """

    precision: Literal["fp32", "int8"] = "fp32"
    _: KW_ONLY
    unit: Literal["bytes", "kB", "MB"] = "bytes"
    input_shape: Sequence[int] | None = None
    calibration: Any = field(default=None, repr=False, compare=False)
    name: str = "size_on_disk"

    def __post_init__(self) -> None:
        if self.precision not in _PRECISIONS:
            raise unknown("precision", self.precision, _PRECISIONS)
        if self.unit not in _UNITS:
            raise unknown("unit", self.unit, _UNITS)
        if self.input_shape is not None:
            object.__setattr__(self, "input_shape", checked_shape(self.input_shape))
        check_calibration(self.calibration)
        check_onnx()
        _ = self.objectives

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The size."""
        return (Objective(self.name, "minimize", self.unit),)

    @property
    def cost(self) -> float:
        """Seconds per candidate, roughly."""
        return 3.0

    def describe(self) -> dict[str, Any]:
        """Return what decides the size, as JSON values under the objective's name."""
        shape = None if self.input_shape is None else list(self.input_shape)
        return {
            self.name: {
                "format": "onnx",
                "precision": self.precision,
                "unit": self.unit,
                "input_shape": shape,
            }
        }

    def with_data(self, data: Callable[[], object]) -> SizeOnDisk:
        """Return the evaluator with data to calibrate with, where it needs some and has none."""
        if self.calibration is not None or self.precision != "int8":
            return self
        return replace(self, calibration=data)

    @own_settings()
    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return ``size_on_disk`` in its unit, and ``size_on_disk_difference``."""
        seed = np.random.SeedSequence(0)
        with (
            seeded(seed, torch.device("cpu")),
            tempfile.TemporaryDirectory(prefix="bonas-") as folder,
        ):
            network = candidate.build()
            example = example_of(candidate.space, self.input_shape, 1).to("cpu")
            first_pass(network, example.mapped(torch.clone), candidate)
            path = Path(folder) / "network.onnx"
            source = export_onnx(network, example, path, dynamic_batch=False)
            size, difference = source.size, source.difference
            if self.precision == "int8":
                rows = calibration_rows(candidate.space, example, self.calibration)
                made = quantize_onnx(source, Path(folder) / "int8.onnx", rows)
                size, difference = made.size, made.difference
        return {self.name: size / _UNITS[self.unit], f"{self.name}_difference": difference}
