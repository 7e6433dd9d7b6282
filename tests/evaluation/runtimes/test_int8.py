"""Facts about INT8 files: what is quantised, how far they are off, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation.runtimes.export_failed import ExportFailed
from bonas.evaluation.runtimes.int8 import quantize_onnx
from bonas.evaluation.runtimes.onnx_export import export_onnx

pytest.importorskip("onnxruntime", reason='needs the extra "onnx"')


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def perceptron() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def test_a_file_in_int8_is_a_third_as_large_and_about_a_percent_off(tmp_path: Path) -> None:
    rows = torch.randn(100, 64, generator=torch.Generator().manual_seed(0))
    source = export_onnx(perceptron(), rows, tmp_path / "float.onnx")
    made = quantize_onnx(source, tmp_path / "int8.onnx", [rows])
    assert 0 < made.difference < 0.03
    assert made.size == (tmp_path / "int8.onnx").stat().st_size < source.size / 2
    assert made.left == {}


def test_operators_that_stay_in_floating_point_are_named(tmp_path: Path) -> None:
    rows = torch.randn(4, 5, 8)
    source = export_onnx(Recurrent(), rows, tmp_path / "float.onnx")
    assert quantize_onnx(source, tmp_path / "int8.onnx", [rows]).left == {"LSTM": 1}


def test_a_file_of_one_batch_size_is_calibrated_with_batches_of_it(tmp_path: Path) -> None:
    rows = torch.randn(7, 64)
    source = export_onnx(perceptron(), rows[:2], tmp_path / "float.onnx", dynamic_batch=False)
    assert source.batch == 2
    made = quantize_onnx(source, tmp_path / "int8.onnx", [rows, rows[:1]])
    assert made.difference < 0.1


def test_a_network_without_anything_to_quantise_is_refused(tmp_path: Path) -> None:
    source = export_onnx(nn.Softmax(-1), torch.rand(2, 3), tmp_path / "float.onnx")
    with pytest.raises(ExportFailed, match=r'got none with weights.*runtime="onnx"'):
        quantize_onnx(source, tmp_path / "int8.onnx", [torch.rand(2, 3)])
    assert [file.name for file in tmp_path.iterdir()] == ["float.onnx"]


def test_calibration_rows_are_needed(tmp_path: Path) -> None:
    source = export_onnx(perceptron(), torch.rand(2, 64), tmp_path / "float.onnx")
    with pytest.raises(InvalidData, match="expected calibration rows for INT8, got none"):
        quantize_onnx(source, tmp_path / "int8.onnx", [])
