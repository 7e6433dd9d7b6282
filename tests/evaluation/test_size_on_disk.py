"""Facts about the size of a network's file as an objective."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from candidates import OneNetwork, candidate_of
from torch import nn

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import (
    Candidate,
    Latency,
    ParameterCount,
    ShortTraining,
    SizeOnDisk,
    Stages,
)
from bonas.evaluation.runtimes.calibration import ROWS, calibration_rows
from bonas.spaces import Example, NASBench201
from bonas.spaces.mlp.space import MLPSpace

pytest.importorskip("onnxruntime", reason='needs the extra "onnx"')


def of_width(width: int) -> Candidate:
    space = OneNetwork(lambda: nn.Sequential(nn.Linear(256, width), nn.Linear(width, 8)), (256,))
    return candidate_of(space, {"which": "this"})


def test_a_file_holds_four_bytes_per_weight_and_a_little_more() -> None:
    found = SizeOnDisk()(of_width(256))
    weights = 4 * (256 * 256 + 256 + 256 * 8 + 8)
    assert weights < found["size_on_disk"] < 1.2 * weights
    assert found["size_on_disk_difference"] <= 1e-5


def test_int8_takes_a_quarter_and_units_are_decimal() -> None:
    rows = torch.rand(50, 256)
    small = SizeOnDisk("int8", calibration=rows)(of_width(256))["size_on_disk"]
    assert 0.25 < small / SizeOnDisk()(of_width(256))["size_on_disk"] < 0.4
    in_kb = SizeOnDisk("int8", unit="kB", calibration=rows)(of_width(256))["size_on_disk"]
    assert in_kb == pytest.approx(small / 1000)


def test_it_is_an_objective_of_its_unit_and_described() -> None:
    size = SizeOnDisk("int8", unit="MB", name="flash")
    assert [str(objective) for objective in size.objectives] == ["flash [MB]"]
    assert size.objectives[0].direction == "minimize"
    assert json.loads(json.dumps(size.describe())) == size.describe()
    assert SizeOnDisk("fp32", unit="MB", name="flash").describe() != size.describe()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "fp64"}, "unknown precision 'fp64'; expected one of 'fp32', 'int8'"),
        ({"unit": "GB"}, "unknown unit 'GB'; expected one of 'MB', 'bytes', 'kB'"),
        ({"input_shape": 3}, "expected an input shape of whole numbers"),
        ({"calibration": []}, "expected calibration rows, got none"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        SizeOnDisk(**settings)


def test_the_data_of_a_training_in_the_same_search_calibrate() -> None:
    training, size = ShortTraining("digits"), SizeOnDisk("int8")
    latency = Latency(runtime="onnx_int8")
    given = Stages([size, training, latency, Latency(name="eager")]).evaluators
    assert [getattr(part, "calibration", None) is None for part in given] == [False, True] * 2
    for part in (given[0], given[2]):
        assert part.calibration() is training.splits
    own = SizeOnDisk("int8", calibration=torch.rand(5, 64))
    assert Stages([training, own]).evaluators[1] is own


def test_rows_of_the_search_that_do_not_fit_are_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = bonas.evaluation.load("digits")
    example = Example.of(torch.zeros(1, 5))
    (found,) = calibration_rows(MLPSpace(5, 2), example, lambda: data)
    assert found.first.shape == (ROWS, 5)
    images = NASBench201(channels=4, cells=1, image_size=8, in_channels=1)
    (found,) = calibration_rows(images, Example.of(torch.zeros(1, 1, 8, 8)), lambda: data)
    (same,) = calibration_rows(images, Example.of(torch.zeros(1, 1, 8, 8)), data)
    assert torch.equal(found.first, same.first)


def test_a_search_minimises_it_beside_another_size() -> None:
    space = MLPSpace(6, 4, depths=(1,), widths=(8, 64), activations=("relu",), norms=("none",))
    result = bonas.optimize(
        space, 2, evaluate=[SizeOnDisk(unit="kB"), ParameterCount()], seed=0, progress=False
    )
    assert all(row.values["size_on_disk"] > 0 for row in result.front)
