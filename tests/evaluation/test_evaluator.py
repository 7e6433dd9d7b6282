"""Facts about evaluators: functions and streams, held to what they promise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate
from torch import nn

from bonas.errors import EvaluationFailed, InvalidArgument, ObjectivesMissing
from bonas.evaluation import (
    Candidate,
    Measurement,
    Objective,
    StreamingEvaluator,
    measured,
)
from bonas.evaluation.evaluator import recorded
from bonas.evaluation.record import Record

CANDIDATE = candidate(nn.Identity)
SIZE = Objective("size", "minimize")


class Size:
    """Measures nothing, and says so: always the same."""

    objectives = (SIZE,)

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        return {"size": 3.0, "depth": 2.0}


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


def descending(candidate: Candidate) -> Iterator[Measurement]:
    """Yield two points of a curve and the value."""
    yield Measurement({"size": 3.0}, step=1)
    yield Measurement({"size": 2.0, "depth": 1.0}, step=2)
    yield Measurement({"size": 1.0})


def test_a_stream_gives_its_final_values() -> None:
    assert measured(descending, CANDIDATE, [SIZE]) == {"size": 1.0}


def test_a_mapping_may_be_yielded() -> None:
    def evaluate(candidate: Candidate) -> Iterator[Any]:
        yield {"size": np.float32(2)}
        yield {"depth": 1}

    assert measured(evaluate, CANDIDATE, [SIZE]) == {"size": 2.0, "depth": 1.0}


def test_an_objective_without_a_final_value_has_the_last_point_of_its_curve() -> None:
    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        for step in (1, 2, 3):
            yield Measurement({"size": 10.0 / step, "loss": 1.0}, step=step)

    assert measured(evaluate, CANDIDATE, [SIZE]) == {"size": pytest.approx(10 / 3)}


def test_the_last_point_of_an_objective_comes_with_its_standard_deviation() -> None:
    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        for step in (1, 2):
            yield Measurement({"size": float(step), "size_sd": 0.1 * step}, step=step)

    assert measured(evaluate, CANDIDATE, [SIZE]) == {"size": 2.0, "size_sd": 0.2}


def test_a_cheap_estimate_is_no_final_value() -> None:
    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        yield Measurement({"size": 7.0}, fidelity=0.1)

    with pytest.raises(ObjectivesMissing, match=r"the objectives \['size'\], got \[\] without"):
        measured(evaluate, CANDIDATE, [SIZE])


def test_a_stream_is_received_as_it_comes_and_its_seconds_grow() -> None:
    record = Record(["size"])
    seen = [len(record.measurements) for _ in recorded(descending, CANDIDATE, record)]
    assert seen == [1, 2, 3]
    seconds = [m.seconds for m in record.measurements]
    assert seconds == sorted(s for s in seconds if s is not None)


def test_seconds_that_an_evaluation_gives_are_kept() -> None:
    record = Record([])
    stream = recorded(lambda _: iter([Measurement({}, seconds=7.5)]), CANDIDATE, record)
    assert [m.seconds for m in stream] == [7.5]


def test_closing_a_stream_ends_the_evaluation_at_once() -> None:
    ended = []

    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        try:
            yield Measurement({"size": 3.0}, step=1)
            ended.append("never")
        finally:
            ended.append("closed")

    stream = recorded(evaluate, CANDIDATE, Record(["size"]))
    next(stream)
    stream.close()
    assert ended == ["closed"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (0.9, r"to yield measurements, got 0\.9; yield Measurement\(\{\"size\": 1\.0\}, step=1\)"),
        (("size", 1.0), r"to yield measurements, got \('size', 1\.0\)"),
        (Measurement({"size": "big"}, step=1), r"a real number as 'size', got 'big'"),
        (Measurement({"size": float("nan")}, step=1), r"a finite number as 'size', got nan"),
        ({"size": float("inf")}, r"a finite number as 'size', got inf"),
    ],
)
def test_a_stream_of_anything_else_fails(item: Any, message: str) -> None:
    with pytest.raises(EvaluationFailed, match=message):
        measured(lambda _: iter([item]), CANDIDATE, [SIZE])


def test_a_failing_stream_keeps_its_final_values_and_no_points_of_curves() -> None:
    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        yield Measurement({"depth": 2.0})
        yield Measurement({"size": 50.0, "loss": float("nan")}, step=1)

    with pytest.raises(EvaluationFailed) as caught:
        measured(evaluate, CANDIDATE, [SIZE])
    assert caught.value.values == {"depth": 2.0}


def test_a_value_that_comes_twice_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"each value once, got \['size'\] a second time"):
        measured(lambda _: iter([Measurement({"size": 1.0})] * 2), CANDIDATE, [SIZE])


class Descending(StreamingEvaluator):
    """The same as a class, which can be called, too."""

    def measurements(self, candidate: Candidate) -> Iterator[Measurement]:
        return descending(candidate)


def test_a_streaming_evaluator_is_also_a_function() -> None:
    assert Descending()(CANDIDATE) == {"size": 1.0}
    assert Descending().objectives == ()
    assert Descending().describe() == {}
    record = Record([])
    assert len(list(recorded(Descending(), CANDIDATE, record))) == 3


def test_a_call_that_a_subclass_overrides_is_the_evaluation() -> None:
    class Doubled(Descending):
        def __call__(self, candidate: Candidate) -> dict[str, float]:
            return {name: 2 * value for name, value in super().__call__(candidate).items()}

    assert measured(Doubled(), CANDIDATE, [SIZE]) == {"size": 2.0}
