"""Facts about latency in other runtimes: what runs, what is stored, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from candidates import OneNetwork, candidate_of
from torch import Tensor, nn

from bonas.errors import InvalidArgument, MissingPackage
from bonas.evaluation import Candidate, Latency, ShortTraining, Stages
from bonas.evaluation.latency.latency import DEVICE, _timed_by
from bonas.evaluation.latency.timing import timed_elsewhere, timed_on
from bonas.evaluation.runtimes import onnx
from bonas.evaluation.runtimes.eager import Eager
from bonas.evaluation.runtimes.export_failed import ExportFailed
from bonas.spaces import Example

pytest.importorskip("onnxruntime", reason='needs the extra "onnx"')


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))


def of(network: nn.Module, shape: tuple[int, ...] = (8,)) -> Candidate:
    return candidate_of(OneNetwork(lambda: network, shape), {"which": "this"})


def quick(**settings: Any) -> Latency:
    return Latency(**{"seconds": 0, "warmup": 2, "repeats": 4, **settings})


def test_an_onnx_file_is_timed_and_compared() -> None:
    values = quick(runtime="onnx")(of(perceptron()))
    ends = ("", "_iqr", "_reference", "_drift", "_difference", "_bytes")
    assert values.keys() == {f"latency{end}" for end in ends}
    assert 0 < values["latency"] < 10
    assert values["latency_difference"] < 1e-5
    assert values["latency_bytes"] > 4 * (8 * 32 + 32 * 3)


def test_int8_is_off_by_rounding_to_eight_bits() -> None:
    rows = torch.randn(100, 8)
    values = quick(runtime="onnx_int8", calibration=rows)(of(perceptron()))
    assert 1e-5 < values["latency_difference"] < 0.2


def test_several_latencies_fit_in_one_search() -> None:
    both = Stages([quick(), quick(runtime="onnx", name="onnx_latency")])
    assert [o.name for o in both.objectives] == ["latency", "onnx_latency"]
    values = both(of(perceptron()))
    assert values.keys() >= {"latency", "latency_iqr", "onnx_latency", "onnx_latency_difference"}


def test_only_another_runtime_changes_the_description() -> None:
    described = Latency().describe()
    settings = {"input_shape": None, "device": "cpu", "batch_size": 1, "threads": 1}
    assert described == {"latency": settings}
    assert Latency(statistic="median").describe() == described
    other = Latency(runtime="onnx_int8").describe()["latency"]
    assert other == {**settings, "runtime": "onnx_int8", "precision": "int8"}
    assert json.loads(json.dumps(other)) == other


def test_a_trial_says_on_what_it_was_measured() -> None:
    space = OneNetwork(perceptron, (8,))
    study = optuna.create_study()
    trial = study.ask()
    candidate = Candidate(space, {"which": "this"}, trial)
    quick(runtime="onnx")(candidate)
    quick(name="eager_latency")(candidate)
    noted = study.trials[0].user_attrs[DEVICE]
    assert noted.keys() == {"latency", "eager_latency"}
    assert noted["latency"]["runtime"] == "onnx"
    assert noted["latency"]["precision"] == "float32"
    assert noted["latency"].keys() >= {"version", "cpu", "flags", "cores", "threads", "load"}
    assert noted["eager_latency"]["version"] == torch.__version__


@dataclass
class Fixed:
    """A session that returns what it was given."""

    outputs: object

    def run(self) -> object:
        return self.outputs


@dataclass
class OfOnesOwn:
    """A runtime of a user's own, whose outputs are off."""

    off: float = 0.0
    precision: str = "float32"
    name: str = "mine"
    version: str = "1"
    calibrated: int = 0

    def prepare(
        self, network: nn.Module, example: Example, calibration: Sequence[Example]
    ) -> Fixed:
        self.calibrated = sum(batch.rows or 1 for batch in calibration)
        with torch.no_grad():
            outputs = example.call(network)
        assert isinstance(outputs, Tensor)
        return Fixed(outputs + self.off * (outputs.max() - outputs.min()))


def test_a_runtime_of_ones_own_fits() -> None:
    latency = quick(runtime=OfOnesOwn())
    assert latency.describe()["latency"]["runtime"] == "mine"
    assert latency(of(perceptron()))["latency_difference"] == 0


def test_calibration_rows_go_to_int8_only(caplog: pytest.LogCaptureFixture) -> None:
    plain, quantised = OfOnesOwn(), OfOnesOwn(precision="int8", off=0.01)
    quick(runtime=plain)(of(perceptron()))
    values = quick(runtime=quantised)(of(perceptron()))
    assert (plain.calibrated, quantised.calibrated) == (0, 32)
    assert values["latency_difference"] == pytest.approx(0.01, rel=1e-3)


def test_a_runtime_that_computes_something_else_in_float32_is_refused() -> None:
    with pytest.raises(ExportFailed, match=r"outputs of mine that are PyTorch's to 1e-05"):
        quick(runtime=OfOnesOwn(off=2e-5))(of(perceptron()))


def test_calibration_rows_of_other_shapes_are_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"rows like the example \[\[1, 8\]\].*got \[\[9, 7"):
        quick(runtime="onnx_int8", calibration=torch.rand(9, 7))(of(perceptron()))


def test_a_device_that_onnx_runtime_cannot_use_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="'cuda', which needs CUDAExecutionProvider, not in"):
        onnx.Onnx(torch.device("cuda"))


def test_a_missing_package_is_named_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(MissingPackage, match=r'onnxscript.*pip install "bonas\[onnx\]"'):
        Latency(runtime="onnx")


def test_a_network_that_cannot_be_exported_names_the_operator() -> None:
    class Singular(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.svd(x)[1]

    with pytest.raises(ExportFailed, match=r'_linalg_svd.*runtime="eager"'):
        quick(runtime="onnx")(of(Singular(), (3, 3)))


def test_only_what_computes_in_the_callers_thread_is_timed_by_its_clock() -> None:
    cpu = torch.device("cpu")
    own = timed_on(cpu)
    assert _timed_by(onnx.Onnx(cpu, 1), cpu) is own
    assert _timed_by(Eager(cpu, None), cpu) is own  # which sees torch's threads
    for runtime in (onnx.Onnx(cpu, 2), onnx.Onnx(cpu, None), OfOnesOwn()):
        assert _timed_by(runtime, cpu) is timed_elsewhere


def test_all_threads_are_taken_where_none_are_named() -> None:
    assert quick(runtime="onnx", threads=None)(of(perceptron()))["latency"] > 0


def test_preparing_counts_as_cost_next_to_a_training() -> None:
    assert Latency(seconds=0.2).cost == 0.2
    assert Latency(seconds=0.2, runtime="onnx").cost == pytest.approx(2.2)
    latency = Latency(runtime="onnx")
    assert Stages([ShortTraining("digits"), latency]).cheap == (latency,)


def test_the_global_random_state_is_left_alone() -> None:
    candidate = of(perceptron())
    before, numbers = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002  # is watched
    quick(runtime="onnx_int8")(candidate)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002  # is watched
