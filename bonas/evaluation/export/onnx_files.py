"""ONNX files of an export, in float and INT8, and why one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from bonas.errors import InvalidArgument, InvalidData, MissingPackage
from bonas.evaluation.runtimes.export_failed import ExportFailed
from bonas.evaluation.runtimes.int8 import Int8Export, quantize_onnx
from bonas.evaluation.runtimes.onnx_export import OnnxExport, export_onnx
from bonas.spaces import Example


@dataclass(frozen=True, slots=True)
class OnnxFiles:
    """What was written.

    Attributes:
        onnx: The file in float.
        int8: The file in INT8.
        notes: Why one is missing, and what it is like, in sentences.
    """

    onnx: OnnxExport | None
    int8: Int8Export | None
    notes: tuple[str, ...]


def write_onnx(
    place: Path,
    network: nn.Module,
    example: Example,
    calibration: Sequence[Example | Any],
    *,
    onnx: bool | None,
    int8: bool | None,
) -> OnnxFiles:
    """Write ``model.onnx`` and ``model.int8.onnx`` to a folder.

    Raises:
        ExportFailed: if one that must be there (True) cannot be made.
        MissingPackage: the same, without the extra ``onnx``.
        InvalidArgument: if INT8 must be there, and there are no calibration rows.
    """
    if onnx is False:
        return OnnxFiles(None, None, ())
    if int8 and not calibration:
        raise InvalidArgument(
            "expected calibration rows for INT8, got none; give calibration= (a batch of typical "
            "inputs) or data="
        )
    try:
        made = export_onnx(network, example, place / "model.onnx")
    except (ExportFailed, MissingPackage, InvalidData) as error:
        if onnx or int8:
            raise
        return OnnxFiles(None, None, (f"There is no ONNX file: {error}.",))
    notes: list[str] = []
    if made.batch is not None:
        notes.append(f"model.onnx takes batches of {made.batch} rows only.")
    return OnnxFiles(made, *_int8(place, made, calibration, notes, int8))


def _int8(
    place: Path,
    made: OnnxExport,
    calibration: Sequence[Example | Any],
    notes: list[str],
    wanted: bool | None,
) -> tuple[Int8Export | None, tuple[str, ...]]:
    if wanted is False:
        return None, tuple(notes)
    if not calibration:
        return None, (*notes, "There is no INT8 file: no calibration rows were given.")
    try:
        quantized = quantize_onnx(made, place / "model.int8.onnx", calibration)
    except (ExportFailed, MissingPackage) as error:
        if wanted:
            raise
        return None, (*notes, f"There is no INT8 file: {error}.")
    if quantized.left:
        left = ", ".join(f"{count} {name}" for name, count in quantized.left.items())
        notes.append(f"In INT8 these operators stay in floating point: {left}.")
    return quantized, tuple(notes)
