"""Facts about built-in runtimes: what they compute, and what they name where they cannot."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from torch import Tensor, nn

from bonas.errors import InvalidArgument, MissingPackage
from bonas.evaluation.runtimes.compiled import Compiled
from bonas.evaluation.runtimes.deliverable import largest_difference
from bonas.evaluation.runtimes.eager import Eager
from bonas.evaluation.runtimes.export_failed import ExportFailed
from bonas.evaluation.runtimes.openvino import OpenVINO
from bonas.evaluation.runtimes.runtime import RUNTIMES, Runtime, runtime_of
from bonas.spaces import Example

CPU = torch.device("cpu")
HAS_OPENVINO = find_spec("openvino") is not None


class Scored(nn.Module):
    """A network with named outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        hidden = self.layer(x)
        return {"logits": hidden.relu(), "hidden": hidden}


def computed(runtime: Runtime) -> float:
    """Return the difference of a runtime's outputs to PyTorch's."""
    network, example = Scored().eval(), Example.of(torch.rand(2, 6))
    with torch.no_grad():
        reference = example.call(network)
    return largest_difference(runtime.prepare(network, example, [example]).run(), reference)


@pytest.mark.parametrize("name", ["eager", "onnx"])
def test_float_runtimes_compute_what_pytorch_does(name: str) -> None:
    assert computed(runtime_of(name, CPU, 1)) < 1e-6


@pytest.mark.slow
def test_a_compiled_network_computes_what_pytorch_does() -> None:
    assert computed(Compiled(CPU)) < 1e-6


def test_what_cannot_be_compiled_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(network: nn.Module) -> object:
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nand pages of text")

    monkeypatch.setattr(torch, "compile", compiled)
    with pytest.raises(ExportFailed, match=r'No working C\+\+ compiler found; .*runtime="eager"'):
        computed(Compiled(CPU))


@pytest.mark.skipif(not HAS_OPENVINO, reason="needs openvino")
def test_openvino_computes_in_float32() -> None:
    assert computed(OpenVINO(CPU)) < 1e-5


@pytest.mark.skipif(HAS_OPENVINO, reason="openvino is installed")
def test_a_runtime_that_is_not_installed_says_how_to() -> None:
    with pytest.raises(MissingPackage, match="pip install openvino"):
        runtime_of("openvino", CPU, 1)


@pytest.mark.parametrize("name", ["eager", "compile", "onnx", "onnx_int8"])
def test_runtimes_have_a_version_a_precision_and_a_cost(name: str) -> None:
    found = runtime_of(name, CPU, 1)
    assert isinstance(found, Runtime)
    assert found.name == name
    assert name in RUNTIMES
    assert all(isinstance(text, str) and text for text in (found.version, found.precision))
    assert getattr(found, "cost", -1) >= 0


def test_int8_runs_on_the_cpu_only() -> None:
    with pytest.raises(InvalidArgument, match=r"onnx_int8|needs CUDAExecutionProvider|for INT8"):
        runtime_of("onnx_int8", torch.device("cuda"), 1)


@pytest.mark.parametrize("given", [3, Eager, object()])
def test_an_object_that_is_no_runtime_is_refused(given: object) -> None:
    with pytest.raises(InvalidArgument, match="expected a runtime out of"):
        runtime_of(given, CPU, 1)  # type: ignore[arg-type]  # what a user may give
