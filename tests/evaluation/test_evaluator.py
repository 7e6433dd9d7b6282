"""Facts about evaluators: joined, and held to what they promise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate
from torch import nn

from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import (
    ACCURACY,
    LATENCY,
    Candidate,
    Joint,
    Latency,
    Objective,
    ShortTraining,
    default_evaluation,
    measured,
)
from bonas.spaces import CellSpace

CANDIDATE = candidate(nn.Identity)
SIZE = Objective("size", "minimize")


class Size:
    """Measures nothing, and says so: always the same."""

    objectives = (SIZE,)

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        return {"size": 3.0, "depth": 2.0}

    def describe(self) -> dict[str, Any]:
        return {"size": {"counted": "by hand"}}


def width(candidate: Candidate) -> Mapping[str, float]:
    return {"width": 7.0 + candidate.number}


def test_joint_evaluators_put_their_measurements_together() -> None:
    joint = Joint([Size(), width])
    assert joint(candidate(nn.Identity, number=1)) == {"size": 3.0, "depth": 2.0, "width": 8.0}
    assert joint.objectives == (SIZE,)
    assert joint.describe() == {"size": {"counted": "by hand"}}


def test_joint_evaluators_are_called_in_turn() -> None:
    calls = []

    def first(candidate: Candidate) -> Mapping[str, float]:
        calls.append("first")
        return {}

    def second(candidate: Candidate) -> Mapping[str, float]:
        calls.append("second")
        return {}

    assert Joint((first, second))(CANDIDATE) == {}
    assert calls == ["first", "second"]


def test_joints_can_be_joined() -> None:
    joint = Joint([Joint([Size()]), Joint([width])])
    assert joint(CANDIDATE) == {"size": 3.0, "depth": 2.0, "width": 7.0}
    assert joint.objectives == (SIZE,)


def test_the_same_measurement_twice_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"each measurement once, got \['width'\] from two"):
        Joint([width, width])(CANDIDATE)


def test_a_joint_evaluator_that_breaks_its_promise_fails() -> None:
    class Broken(Size):
        def __call__(self, candidate: Candidate) -> Mapping[str, float]:
            return {"depth": 2.0}

    with pytest.raises(EvaluationFailed, match=r"objectives \['size'\], got \['depth'\]"):
        Joint([Broken()])(CANDIDATE)


@pytest.mark.parametrize(
    ("evaluators", "message"),
    [
        ([], r"a list of at least one evaluator, got \[\]; as in Stages"),
        (width, r"a list of at least one evaluator, got <function width"),
        ([width, None], r"evaluators to call with a candidate, got None; give functions"),
        ([ShortTraining], r"evaluators to call with a candidate, got <class .*ShortTraining'>"),
        ([Size(), Size()], r"objective names must differ, got \['size', 'size'\]"),
    ],
)
def test_what_cannot_be_joined_is_refused(evaluators: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Joint(evaluators)


def test_the_default_trains_on_digits_and_times_one_digit() -> None:
    joint = default_evaluation(CellSpace())
    training, latency = joint.evaluators
    assert isinstance(training, ShortTraining)
    assert isinstance(latency, Latency)
    assert latency.input_shape == training.input_shape == (1, 8, 8)
    assert joint.objectives == (ACCURACY, LATENCY)
    described = joint.describe()
    assert described.keys() == {"accuracy", "latency"}
    assert json.loads(json.dumps(described)) == described


@pytest.mark.parametrize(
    "value",
    [
        1,
        1.0,
        Fraction(1),
        np.float32(1),
        np.int64(1),
        np.array(1.0),
        torch.tensor(1.0),
        torch.tensor(1, dtype=torch.int8),
        torch.tensor(1.0, requires_grad=True),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_any_real_number_is_a_measurement(value: Any) -> None:
    values = measured(lambda _: MappingProxyType({"size": value}), CANDIDATE, [SIZE])
    assert values == {"size": 1.0}
    assert type(values["size"]) is float


def test_more_than_the_objectives_is_kept() -> None:
    values = measured(Size(), CANDIDATE, [SIZE])
    assert values == {"size": 3.0, "depth": 2.0}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, r"a mapping from names to numbers, got None; return one such as \{\"size\": 1\.0\}"),
        (0.93, r"a mapping from names to numbers, got 0\.93"),
        ([("size", 1.0)], r"a mapping from names to numbers, got \[\('size', 1\.0\)\]"),
        ({}, r"the objectives \['size'\], got \[\] without \['size'\]; return a mapping such as"),
        ({"Size": 1.0}, r"the objectives \['size'\], got \['Size'\] without \['size'\]"),
        ({"size": float("nan")}, r"a finite number as 'size', got nan; raise an exception"),
        ({"size": -np.inf}, r"a finite number as 'size', got -inf"),
        ({"size": torch.tensor(float("inf"))}, r"a finite number as 'size', got inf"),
        ({"size": 10**400}, r"a finite number as 'size', got"),
        ({"size": True}, r"a real number as 'size', got True of type bool; return a float"),
        ({"size": np.True_}, r"a real number as 'size', got np\.True_ of type bool"),
        ({"size": torch.tensor(True)}, r"a real number as 'size', got tensor\(True\) of type Te"),
        ({"size": "1.0"}, r"a real number as 'size', got '1\.0' of type str"),
        ({"size": None}, r"a real number as 'size', got None of type NoneType"),
        ({"size": 1j}, r"a real number as 'size', got 1j of type complex"),
        ({"size": np.ones(1)}, r"got array\(\[1\.\]\) of type ndarray; .*\.item\(\) if it is"),
        ({"size": torch.ones(1)}, r"got tensor\(\[1\.\]\) of type Tensor"),
        ({"size": 1.0, "f1": float("nan")}, r"a finite number as 'f1', got nan"),
        ({"size": 1.0, 2: 1.0}, r"the names of measurements as strings, got 2; rename it"),
    ],
)
def test_what_is_no_measurement_fails(returned: Any, message: str) -> None:
    with pytest.raises(EvaluationFailed, match=message):
        measured(lambda _: returned, CANDIDATE, [SIZE])


def test_an_exception_of_the_evaluation_passes() -> None:
    def fails(candidate: Candidate) -> Mapping[str, float]:
        raise ZeroDivisionError("of the user")

    with pytest.raises(ZeroDivisionError, match="of the user"):
        measured(fails, CANDIDATE, [SIZE])
