"""Facts about ONNX files: any outputs and arguments, one file, compared, and silent."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation.runtimes import onnx_export
from bonas.evaluation.runtimes.deliverable import largest_difference
from bonas.evaluation.runtimes.export_failed import ExportFailed
from bonas.evaluation.runtimes.onnx_export import OPSET, export_onnx, onnx_feed
from bonas.evaluation.runtimes.onnx_session import session
from bonas.spaces import Example

pytest.importorskip("onnxruntime", reason='needs the extra "onnx"')


class Convolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        hidden = self.conv(x).relu().mean((2, 3))
        return {"logits": self.head(hidden), "hidden": hidden}


@dataclass
class Output:
    logits: Tensor
    loss: Tensor | None = None


class OfKeywords(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(50, 8), nn.Linear(8, 4)

    def forward(self, **given: Any) -> Output:
        hidden = self.embedding(given["input_ids"]) * given["mask"].unsqueeze(-1)
        return Output(self.head(hidden) * given["scale"])


class OfFourRows(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(4, 8) * 2


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x if x.sum() > 0 else x


class Singular(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.svd(x)[1]


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class InPlace(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.add_(1)


def test_one_file_takes_batches_of_any_size(tmp_path: Path) -> None:
    network = Convolution()
    made = export_onnx(network, torch.rand(1, 3, 8, 8), tmp_path / "network.onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["network.onnx"]
    assert (made.batch, made.opset, made.inputs) == (None, OPSET, ("input",))
    assert made.size == (tmp_path / "network.onnx").stat().st_size
    assert made.difference <= 1e-5
    x = torch.rand(7, 3, 8, 8)
    outputs = session(made.path).run(None, onnx_feed(made.inputs, Example.of(x)))
    assert largest_difference(outputs, network.eval()(x)) < 1e-5


def test_keywords_are_inputs_by_name_and_other_arguments_are_constants(tmp_path: Path) -> None:
    ids = torch.randint(50, (2, 7))
    example = {"input_ids": ids, "mask": torch.ones(2, 7), "scale": 2.0}
    made = export_onnx(OfKeywords(), example, tmp_path / "network.onnx")
    assert (made.inputs, made.outputs) == (("input_ids", "mask"), ("output",))


def test_a_network_of_one_batch_size_keeps_it(tmp_path: Path) -> None:
    assert export_onnx(OfFourRows(), torch.rand(4, 8), tmp_path / "network.onnx").batch == 4


def test_a_network_may_change_its_input(tmp_path: Path) -> None:
    example = torch.zeros(2, 3)
    assert export_onnx(InPlace(), example, tmp_path / "network.onnx").difference == 0
    assert torch.equal(example, torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("network", "example", "operator", "message"),
    [
        (Branching(), torch.rand(2, 3), "data-dependent", r"torch\.cond instead of an if"),
        (Singular(), torch.rand(2, 3, 3), "aten._linalg_svd", "exporter of PyTorch can do the op"),
        (nn.Conv2d(3, 4, 3).double(), torch.rand(1, 3, 4, 4).double(), "Conv(11)", "ONNX Runtime"),
        (Noisy(), torch.rand(2, 3), "", "outputs are PyTorch's to 1e-05 of their range, got"),
    ],
)
def test_what_cannot_be_exported_is_named_in_a_line_with_a_way_out(
    network: nn.Module,
    example: Tensor,
    operator: str,
    message: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "network.onnx"
    path.write_text("what was there")
    with pytest.raises(ExportFailed, match=message) as caught:
        export_onnx(network, example, path)
    assert caught.value.operator == operator
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["network.onnx"]
    assert path.read_text() == "what was there"
    assert capfd.readouterr() == ("", "")


def test_an_export_that_computes_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = largest_difference

    def off(outputs: object, reference: object) -> float:
        return wrong(outputs, reference) + 2e-5

    monkeypatch.setattr(onnx_export, "largest_difference", off)
    with pytest.raises(ExportFailed, match="got 2e-05"):
        export_onnx(nn.Linear(3, 3), torch.rand(1, 3), tmp_path / "network.onnx")
    assert export_onnx(nn.Linear(3, 3), torch.rand(1, 3), tmp_path / "f.onnx", tolerance=1e-4)


def test_hooks_that_change_the_outputs_are_refused(tmp_path: Path) -> None:
    network = nn.Linear(3, 3)
    handle = network.register_forward_hook(lambda module, args, output: output + 1)
    with pytest.raises(InvalidData, match="hooks of Linear change them"):
        export_onnx(network, torch.rand(1, 3), tmp_path / "network.onnx")
    handle.remove()
    network.register_forward_hook(lambda module, args, output: None)
    assert export_onnx(network, torch.rand(1, 3), tmp_path / "network.onnx")


def test_an_example_that_does_not_fit_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"takes the example \[\[2, 4\]\], but Linear raises"):
        export_onnx(nn.Linear(3, 3), torch.rand(2, 4), tmp_path / "network.onnx")
    with pytest.raises(InvalidData, match="create it"):
        export_onnx(nn.Linear(3, 3), torch.rand(2, 3), tmp_path / "none" / "network.onnx")


def test_logs_and_warnings_are_as_before(tmp_path: Path) -> None:
    levels = {name: logging.getLogger(name).level for name in ("", "torch.onnx")}
    filters = list(warnings.filters)
    export_onnx(nn.Linear(3, 3), torch.rand(2, 3), tmp_path / "network.onnx")
    assert {name: logging.getLogger(name).level for name in levels} == levels
    assert list(warnings.filters) == filters
