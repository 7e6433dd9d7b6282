"""Facts about measurements: what is one, and which are final."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from bonas.errors import EvaluationFailed, InvalidArgument, ObjectivesMissing
from bonas.evaluation import Measurement


@pytest.mark.parametrize(
    ("measurement", "final"),
    [
        (Measurement({"accuracy": 1.0}), True),
        (Measurement({"accuracy": 1.0}, fidelity=1), True),
        (Measurement({"accuracy": 1.0}, fidelity=0.5), False),
        (Measurement({"accuracy": 1.0}, step=3), False),
        (Measurement({"accuracy": 1.0}, step=3, fidelity=1), False),
    ],
)
def test_values_without_a_step_count_unless_they_are_estimates(
    measurement: Measurement, final: bool
) -> None:
    assert measurement.is_final == final


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": 0.9}, r"values of a measurement as a mapping .*, got 0\.9; as in Measurement"),
        ({"values": [("size", 1.0)]}, "as a mapping from names to numbers, got"),
        ({"step": -1}, "step must be a whole number of at least 0, got -1"),
        ({"step": 1.5}, "step must be a whole number of at least 0, got 1.5"),
        ({"step": True}, "step must be a whole number of at least 0, got True"),
        ({"seconds": -0.1}, r"seconds must be a number in \[0, inf\), got -0\.1"),
        ({"seconds": math.nan}, r"seconds must be a number in \[0, inf\), got nan"),
        ({"fidelity": 0}, r"fidelity must be a number in \(0, 1\], got 0"),
        ({"fidelity": 1.1}, r"fidelity must be a number in \(0, 1\], got 1\.1"),
        ({"fidelity": "low"}, r"fidelity must be a number in \(0, 1\], got 'low'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Measurement(**{"values": {}, **arguments})


def test_a_checked_measurement_has_floats_and_a_time() -> None:
    given = Measurement({"a": np.float32(1), "b": torch.tensor(2), "c": True + 2}, step=1)  # type: ignore[dict-item]
    checked = given.checked(["a"], 4.5)
    assert checked == Measurement({"a": 1.0, "b": 2.0, "c": 3.0}, step=1, seconds=4.5)
    assert all(type(value) is float for value in checked.values.values())


def test_a_wrong_objective_is_another_error_than_a_bad_number() -> None:
    with pytest.raises(ObjectivesMissing, match="a real number as 'a', got 'x'"):
        Measurement({"a": "x"}).checked(["a"], None)  # type: ignore[dict-item]
    with pytest.raises(EvaluationFailed) as caught:
        Measurement({"a": math.nan, "b": 1.0}).checked(["a"], None)
    assert not isinstance(caught.value, ObjectivesMissing)
    assert caught.value.values == {"b": 1.0}


@pytest.mark.parametrize("name", ["", "bonas:x", "a\0b", "x" * 501, 3])
def test_names_that_cannot_be_stored_are_refused(name: Any) -> None:
    with pytest.raises(EvaluationFailed, match=r"expected (the )?names of measurements"):
        Measurement({name: 1.0}).checked([], None)
