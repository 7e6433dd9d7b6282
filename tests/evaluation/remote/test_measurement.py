"""Measurements by a function of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_searches import SPACE

import bonas
from bonas.errors import EvaluationFailed, InvalidArgument, ObjectivesMissing
from bonas.evaluation import Candidate, Objective
from bonas.evaluation.remote import DeviceMeasurement

pytest.importorskip("onnxruntime", reason="onnxruntime is missing: pip install bonas[onnx]")
CELL = Candidate.without_trial(SPACE, SPACE.sample(np.random.default_rng(1)))
ENERGY = Objective("energy", "minimize", "mJ")
SHAPE = {"input_shape": (3, 8, 8)}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_function_gets_a_file_that_is_removed_afterwards(precision: str) -> None:
    import onnx

    seen: list[Path] = []

    def measure(path: Path) -> dict[str, Any]:
        seen.append(path)
        operators = {node.op_type for node in onnx.load(str(path)).graph.node}
        return {"latency": 2, "quantised": np.float32("QuantizeLinear" in operators)}

    found = DeviceMeasurement(measure, precision=precision, **SHAPE)(CELL)
    assert found == {"latency": 2.0, "quantised": float(precision == "int8")}
    assert not seen[0].exists()


def test_objectives_have_units_and_a_description() -> None:
    evaluate = DeviceMeasurement(
        lambda path: {"energy": 1.0}, objectives=[ENERGY], settings={"board": "nucleo"}
    )
    assert evaluate.objectives == (ENERGY,)
    assert evaluate.describe()["energy"]["board"] == "nucleo"
    assert evaluate.describe()["energy"]["unit"] == "mJ"


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        ({"power": 1.0}, ObjectivesMissing, "expected the objectives .'latency'. of the device"),
        (None, ObjectivesMissing, "got None; return a mapping such as"),
        (3.0, ObjectivesMissing, "got 3.0"),
        ({"latency": "fast"}, ObjectivesMissing, "expected a real number as 'latency'"),
        ({"latency": float("nan")}, EvaluationFailed, "expected a finite number as 'latency'"),
        ({"latency": 1.0, "ram": [1]}, EvaluationFailed, "'ram'"),
    ],
)
def test_what_it_returns_is_checked(returned: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DeviceMeasurement(lambda path: returned, **SHAPE)(CELL)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"measure": "flash"}, "expected a function of the path"),
        ({"objectives": {}}, "objectives must map"),
        ({"objectives": {"latency": "down"}}, "objective direction"),
        ({"precision": "fp16"}, "expected a precision"),
        ({"cost": -1}, "the cost of"),
        ({"settings": 3}, "expected settings"),
    ],
)
def test_arguments_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        DeviceMeasurement(**{"measure": lambda path: {}, **given})


def test_a_search_stores_what_it_measures_raw() -> None:
    def measure(path: Path) -> dict[str, float]:
        return {"energy": 1.0 / 3.0, "ram": float(path.stat().st_size)}

    result = bonas.optimize(
        SPACE,
        evaluate=DeviceMeasurement(measure, objectives=[ENERGY], **SHAPE),
        budget=1,
        seed=1,
        progress=False,
    )
    (candidate,) = result.candidates
    assert candidate.values == {"energy": 1.0 / 3.0}
    assert candidate.trial.user_attrs["ram"] > 0
