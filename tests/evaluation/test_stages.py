"""Facts about stages: several evaluators as one, the cheap ones first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from candidates import candidate
from torch import nn

from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import (
    ACCURACY,
    LATENCY,
    Candidate,
    Joint,
    KVCache,
    Latency,
    Measurement,
    Objective,
    ShortTraining,
    Stages,
    default_evaluation,
)
from bonas.evaluation.evaluator import recorded
from bonas.evaluation.record import Record
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


def test_stages_evaluators_put_their_measurements_together() -> None:
    stages = Stages([Size(), width])
    assert stages(candidate(nn.Identity, number=1)) == {"size": 3.0, "depth": 2.0, "width": 8.0}
    assert stages.objectives == (SIZE,)
    assert stages.describe() == {"size": {"counted": "by hand"}}


def test_stages_evaluators_are_called_in_turn() -> None:
    calls = []

    def first(candidate: Candidate) -> Mapping[str, float]:
        calls.append("first")
        return {}

    def second(candidate: Candidate) -> Mapping[str, float]:
        calls.append("second")
        return {}

    assert Stages((first, second))(CANDIDATE) == {}
    assert calls == ["first", "second"]


def test_stagess_can_be_joined() -> None:
    stages = Stages([Stages([Size()]), Stages([width])])
    assert stages(CANDIDATE) == {"size": 3.0, "depth": 2.0, "width": 7.0}
    assert stages.objectives == (SIZE,)


def test_the_same_measurement_twice_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"each measurement once, got \['width'\] from two"):
        Stages([width, width])(CANDIDATE)


def test_a_stages_evaluator_that_breaks_its_promise_fails() -> None:
    class Broken(Size):
        def __call__(self, candidate: Candidate) -> Mapping[str, float]:
            return {"depth": 2.0}

    with pytest.raises(EvaluationFailed, match=r"objectives \['size'\], got \['depth'\]"):
        Stages([Broken()])(CANDIDATE)


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
        Stages(evaluators)


def test_the_name_joint_still_works() -> None:
    assert Joint is Stages


def test_the_default_trains_on_digits_and_times_one_digit() -> None:
    stages = default_evaluation(CellSpace())
    training, latency = stages.evaluators
    assert isinstance(training, ShortTraining)
    assert isinstance(latency, Latency)
    assert latency.input_shape == training.input_shape == (1, 8, 8)
    assert stages.objectives == (ACCURACY, LATENCY)
    described = stages.describe()
    assert described.keys() == {"accuracy", "latency"}
    assert json.loads(json.dumps(described)) == described


class Priced:
    """Notes when it is called, and declares what it costs."""

    def __init__(self, name: str, calls: list[str], cost: float | None = None) -> None:
        self.name, self.calls = name, calls
        if cost is not None:
            self.cost = cost

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        self.calls.append(self.name)
        return {self.name: 1.0}


def test_cheap_stages_come_first_and_unpriced_ones_last_as_given() -> None:
    calls: list[str] = []
    costs = {"a": None, "b": 2.0, "c": None, "d": 0.0, "e": 2.0}
    values = Stages([Priced(name, calls, cost) for name, cost in costs.items()])(CANDIDATE)
    assert calls == ["d", "b", "e", "a", "c"]
    assert values == dict.fromkeys("abcde", 1.0)


def test_evaluators_of_bonas_are_ordered_by_what_they_cost() -> None:
    training, latency, cache = ShortTraining(), Latency(seconds=0.1), KVCache()
    stages = Stages([training, latency, cache])
    assert stages.ordered == [cache, latency, training]
    assert stages.objectives[0] == ACCURACY
    assert Stages([latency, cache]).cost == pytest.approx(0.1)


def test_a_candidate_that_fails_in_a_cheap_stage_costs_no_expensive_one() -> None:
    calls: list[str] = []

    class Failing(Priced):
        def __call__(self, candidate: Candidate) -> Mapping[str, float]:
            raise ZeroDivisionError("of the cheap one")

    with pytest.raises(ZeroDivisionError):
        Stages([Priced("costly", calls), Failing("cheap", calls, 0.1)])(CANDIDATE)
    assert calls == []


def test_what_was_measured_before_a_failure_is_in_the_record() -> None:
    def fails(candidate: Candidate) -> Mapping[str, float]:
        raise ZeroDivisionError

    record = Record(["size", "width"])
    with pytest.raises(ZeroDivisionError):
        list(recorded(Stages([fails, Latency(), *[Priced("size", [], 0.0)]]), LINEAR, record))
    assert record.values.keys() >= {"size", "latency", "latency_iqr"}
    assert "width" not in record.values
    assert not record.is_complete


LINEAR = candidate(lambda: nn.Linear(4, 2))
LINEAR = Candidate(type(LINEAR.space)(LINEAR.space.network, (4,)), LINEAR.choices, LINEAR.trial)  # type: ignore[attr-defined,call-arg]


def counting(candidate: Candidate) -> Iterator[Measurement]:
    """Yield a curve whose last point is the value."""
    for step in (1, 2):
        yield Measurement({"size": float(step), "loss": 1.0}, step=step)


class Counting:
    objectives = (SIZE,)

    def __call__(self, candidate: Candidate) -> Iterator[Measurement]:
        return counting(candidate)


def test_the_last_point_of_a_declared_objective_is_its_value_before_the_next_stage() -> None:
    seen: list[dict[str, float]] = []
    record = Record([])

    def later(candidate: Candidate) -> Mapping[str, float]:
        seen.append(dict(record.values))
        return {}

    list(recorded(Stages([Counting(), later]), CANDIDATE, record))
    assert seen == [{"size": 2.0}]


def test_a_curve_and_a_value_may_have_one_name_but_not_two_curves() -> None:
    def loss(candidate: Candidate) -> Mapping[str, float]:
        return {"loss": 0.5}

    assert Stages([counting, loss])(CANDIDATE) == {"loss": 0.5}
    with pytest.raises(InvalidArgument, match=r"each measurement once, got \['loss', 'size'\]"):
        Stages([counting, counting])(CANDIDATE)


def test_closing_the_stream_closes_the_stage_under_way() -> None:
    ended = []

    def first(candidate: Candidate) -> Iterator[Measurement]:
        try:
            yield Measurement({}, step=1)
        finally:
            ended.append("first")

    def second(candidate: Candidate) -> Mapping[str, float]:
        ended.append("second")
        return {}

    stream = Stages([first, second]).measurements(CANDIDATE)
    next(stream)
    stream.close()
    assert ended == ["first"]


@pytest.mark.parametrize("cost", [-1.0, "low"])
def test_a_cost_that_is_no_time_is_refused(cost: Any) -> None:
    with pytest.raises(InvalidArgument, match="must be a number of at least 0"):
        Stages([Priced("a", [], cost)])


class Timed(Priced):
    """Declares an objective of its name, and a cost."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(self.name, "minimize"),)


def _names(parts: Sequence[Any]) -> list[str]:
    return [part.name for part in parts]


def test_evaluators_that_cost_a_tenth_of_the_dearest_are_cheap() -> None:
    calls: list[str] = []
    prices: dict[str, Any] = {"a": 100.0, "b": 10.0, "c": 11.0, "d": 0.0, "e": "cheap"}
    parts = [Timed(name, calls, cost) for name, cost in prices.items()]
    assert _names(Stages(parts).cheap) == ["b", "d", "e"]
    training = Timed("training", calls)
    assert _names(Stages([*parts, training]).cheap) == ["a", "b", "c", "d", "e"]
    assert Stages([training]).cheap == ()
    assert Stages([ShortTraining("digits"), Latency()]).cheap == (Latency(),)


def test_an_evaluator_without_objectives_is_not_cheap() -> None:
    """Whatever it gives, it would be measured of networks that nobody asked for."""
    assert Stages([Timed("training", []), Priced("note", [], 0.0)]).cheap == ()


def test_what_is_given_is_not_measured_again() -> None:
    calls: list[str] = []
    stages = Stages([Timed("training", calls), Timed("latency", calls, 1.0)])
    given = stages.given({"latency": 4.0, "latency_iqr": 0.5})
    assert given(CANDIDATE) == {"latency": 4.0, "latency_iqr": 0.5, "training": 1.0}
    assert calls == ["training"]
    assert given.objectives == stages.objectives
    assert given.describe() == stages.describe()


def test_what_is_given_in_part_is_measured() -> None:
    calls: list[str] = []
    stages = Stages([Timed("training", calls), Timed("latency", calls, 1.0)])
    assert stages.given({"latency_iqr": 0.5})(CANDIDATE) == {"latency": 1.0, "training": 1.0}
    assert calls == ["latency", "training"]
