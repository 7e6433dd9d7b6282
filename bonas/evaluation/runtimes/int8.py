"""INT8: static post-training quantisation of an ONNX file, from calibration rows.

Weights are quantised per channel, activations by the range that they take on the calibration rows
(Jacob et al., 2018, Quantization and training of neural networks for efficient integer-arithmetic
inference). The file holds pairs of QuantizeLinear and DequantizeLinear, which runtimes fuse.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bonas.errors import InvalidData
from bonas.evaluation.runtimes.deliverable import largest_difference
from bonas.evaluation.runtimes.export_failed import ExportFailed, failed
from bonas.evaluation.runtimes.onnx_export import OnnxExport, onnx_feed
from bonas.evaluation.runtimes.onnx_session import missing, session
from bonas.evaluation.runtimes.silence import silence
from bonas.spaces import Example

_HEAVY = ("Conv", "Gemm", "MatMul", "ConvTranspose", "LSTM", "GRU", "RNN", "Einsum", "Attention")
"""Operators that hold a network's multiply-adds."""
_FALLBACK = 'measure it with runtime="onnx", or leave INT8 out'


@dataclass(frozen=True, slots=True)
class Int8Export:
    """An ONNX file in INT8 that was run and compared.

    Attributes:
        path: The file.
        difference: Largest difference to the float file on the calibration rows, as a share of the
            outputs' range: of the order of 1 % for a network that quantises well.
        left: Operators with multiply-adds that stay in floating point -> their number.
        size: Bytes.
    """

    path: Path
    difference: float
    left: dict[str, int]
    size: int


def quantize_onnx(
    source: OnnxExport, path: str | Path, calibration: Sequence[Example | Any]
) -> Int8Export:
    """Write an ONNX file in INT8, run it in ONNX Runtime, and compare it with the float file.

    Args:
        source: The file in floating point, as ``export_onnx`` returned it.
        path: Replaced if it exists, and only by a file that runs.
        calibration: Batches as the network takes them, with the values it will see: they set the
            ranges. A hundred rows are enough as a rule.

    Raises:
        MissingPackage: without the extra ``onnx``.
        ExportFailed: if the quantiser cannot do the network, or finds nothing in it to quantise.
        InvalidData: if there are no calibration rows.
    """
    feeds = [onnx_feed(source.inputs, batch) for batch in _batches(source, calibration)]
    target = Path(path)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        try:
            _quantized(source.path, prepared, made, feeds)
            left, done = _counted(made)
            outputs = _outputs(made, feeds)
        except ImportError:
            raise
        except Exception as error:
            raise failed(error, "the quantiser of ONNX Runtime", _FALLBACK) from error
        if not done:
            names = ", ".join(f"{n} {name}" for name, n in left.items()) or "none with weights"
            raise ExportFailed(
                f"expected a network with operators that quantise to INT8, got {names}, which ONNX "
                f"Runtime leaves in floating point; {_FALLBACK}"
            )
        difference = largest_difference(outputs, _outputs(source.path, feeds))
        size = made.stat().st_size
        os.replace(made, target)
    return Int8Export(target, difference, left, size)


def _batches(source: OnnxExport, calibration: Sequence[Example | Any]) -> list[Example]:
    batches = [Example.of(batch).to("cpu") for batch in calibration]
    if source.batch is not None:
        batches = [part for batch in batches for part in _cut(batch, source.batch)]
    if not batches:
        raise InvalidData(
            "expected calibration rows for INT8, got none; give a hundred rows of the training data"
        )
    return batches


def _cut(batch: Example, size: int) -> list[Example]:
    """Return a batch as batches of ``size`` rows; what is left over is dropped."""
    rows = batch.rows
    if rows is None or rows == size:
        return [batch]
    if rows < size:
        return [batch.resized(size)]
    return [_slice(batch, i, size) for i in range(0, rows - size + 1, size)]


def _slice(batch: Example, start: int, size: int) -> Example:
    rows = batch.rows
    return batch.mapped(lambda x: x[start : start + size] if x.dim() and len(x) == rows else x)


def _quantized(
    source: Path, prepared: Path, made: Path, feeds: Sequence[dict[str, np.ndarray]]
) -> None:
    try:
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise missing("onnxruntime", error) from error
    with silence():
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(made),
            _Rows(feeds),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )


class _Rows:
    """Calibration rows as onnxruntime reads them: one batch after the other, then None."""

    def __init__(self, feeds: Sequence[dict[str, np.ndarray]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def _outputs(path: Path, feeds: Sequence[dict[str, np.ndarray]]) -> list[list[np.ndarray]]:
    """Return each output: of all batches as one array, or as a list where their shapes differ."""
    opened = session(path)
    runs = [opened.run(None, feed) for feed in feeds]
    return [_joined(parts) for parts in zip(*runs, strict=True)]


def _joined(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.stack(parts)] if len({part.shape for part in parts}) == 1 else list(parts)


def _counted(path: Path) -> tuple[dict[str, int], int]:
    """Return the heavy operators in floating point, and the number of those in INT8."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    dequantized = {
        o for node in graph.node if node.op_type == "DequantizeLinear" for o in node.output
    }
    heavy = [node for node in graph.node if node.op_type in _HEAVY]
    done = [node for node in heavy if sum(name in dequantized for name in node.input) >= 2]
    left = Counter(node.op_type for node in heavy if node not in done)
    return dict(sorted(left.items())), len(done)
