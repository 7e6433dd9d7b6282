"""What is known of networks before one is chosen: free and measured objectives."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
import pytest
import torch

from bonas.errors import EvaluationFailed
from bonas.evaluation import Candidate, Measurement, Objective
from bonas.evaluation.evaluator import StreamingEvaluator
from bonas.spaces import Choices, NASBench201
from bonas.studies.lineage.description import set_names
from bonas.studies.proposing.cheap_objectives import CheapObjectives
from bonas.studies.proposing.measure_first import MeasureFirst
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.task import Task

SPACE = NASBench201(identity="choices")
GOALS = tuple(
    Objective(name, way)  # type: ignore[arg-type]  # a direction
    for name, way in [("accuracy", "maximize"), ("size", "minimize"), ("latency", "minimize")]
)
POINTS = [
    Point(SPACE.architecture(dict.fromkeys(SPACE.edges, op)), {})
    for op in SPACE.operations
    if op != "none"
]
NAN = math.nan


def which(choices: Choices) -> int:
    return [point.params for point in POINTS].index(dict(choices))


@dataclass(frozen=True)
class Cheap:
    """Gives a value for each point, or raises what stands in its place."""

    name: str
    given: tuple[Any, ...]
    cost: Any = 0.5

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(self.name, "minimize"),)

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        value = self.given[which(candidate.choices)]
        if isinstance(value, Exception):
            raise value
        return {self.name: value}


def cheap(*evaluators: Any) -> CheapObjectives:
    return CheapObjectives(optuna.create_study(), SPACE, GOALS, evaluators, None)


SIZE = Cheap("size", (1.0, 2.0, 3.0, 4.0), 0.0)


def equal(found: torch.Tensor, expected: list[list[float]]) -> None:
    wanted = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(found, wanted, equal_nan=True)


def test_free_objectives_are_known_of_all_and_measured_ones_once_they_were() -> None:
    known = cheap(SIZE, Cheap("latency", (5.0, 6.0, 7.0, 8.0)))
    assert known.columns.tolist() == [False, True, True]
    equal(known.values(POINTS[:2]), [[NAN, -1.0, NAN], [NAN, -2.0, NAN]])
    assert not known.are_known(POINTS[:1])
    assert known.measure(POINTS[:1], 3) == 1
    assert known.are_known(POINTS[:1])
    equal(known.values(POINTS[:2]), [[NAN, -1.0, -5.0], [NAN, -2.0, NAN]])


def test_a_pool_of_many_points_is_read_alike() -> None:
    known = cheap(SIZE, Cheap("latency", (5.0, 6.0, 7.0, 8.0)))
    pool = POINTS * 500
    known.values(pool)
    known.measure(POINTS[1:2], 0)
    found = known.values(pool)
    for row in (0, 1, 1_001, 1_998):
        equal(found[row : row + 1], known.values(pool[row : row + 1]).tolist())


def test_a_formula_that_fails_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    known = cheap(Cheap("size", (1.0, RuntimeError("no size"), NAN, "large"), 0.0))
    with caplog.at_level(logging.WARNING):
        equal(known.values(POINTS)[:, 1:2], [[-1.0], [NAN], [NAN], [NAN]])
    assert caplog.text.count("could not be computed") == 1


def test_a_free_objective_may_come_as_a_stream() -> None:
    class Stream(StreamingEvaluator):
        cost = 0.0
        objectives = (Objective("size", "minimize"),)

        def measurements(self, candidate: Candidate) -> Any:
            yield Measurement({"size": 9.0}, step=1)
            yield Measurement({"size": 4.0})

    equal(cheap(Stream()).values(POINTS[:1]), [[NAN, -4.0, NAN]])


def test_networks_that_cannot_be_measured_have_none_unless_most_cannot() -> None:
    failed = EvaluationFailed("out of memory")
    known = cheap(Cheap("latency", (5.0, failed, 7.0, failed)))
    known.measure(POINTS[:2], 0)
    assert known.have_none(POINTS).tolist() == [False, True, False, False]
    known.measure([POINTS[3]], 0)
    assert known.have_none(POINTS).tolist() == [False] * 4  # two of three: it is not the networks


def test_a_model_learns_from_what_was_measured_for_earlier_proposals() -> None:
    """So that a proposal which is made again after a crash learns the same."""
    known = cheap(SIZE, Cheap("latency", (5.0, 6.0, EvaluationFailed("none"), 8.0)))
    for index, point in enumerate(POINTS):
        known.measure([point], index)
    ((j, (points, values)),) = known.learnt(2, frozenset()).items()
    assert (j, [p.key for p in points]) == (2, [p.key for p in POINTS[:2]])
    assert values.tolist() == [-5.0, -6.0]
    later = known.learnt(9, frozenset([POINTS[0].key]))[2]
    assert later[1].tolist() == [-6.0, -8.0]


def test_a_trial_reuses_only_complete_measurements() -> None:
    known = cheap(Cheap("latency", (5.0, EvaluationFailed("none"), 7.0, 8.0)))
    known.measure(POINTS[:2], 0)
    stored = [known.stored(point.architecture) for point in POINTS[:3] if point.architecture]
    assert stored == [{"latency": 5.0}, {}, {}]


def _task(study: optuna.Study, names: list[str]) -> Task:
    set_names(study, names)
    return Task.of(study, SPACE, Parameters({}))


@pytest.mark.parametrize(
    ("names", "is_on"),
    [(["accuracy", "latency"], True), (["accuracy", "other"], False), (["latency", "size"], False)],
)
def test_objectives_are_measured_first_if_others_are_not(names: list[str], is_on: bool) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    first = MeasureFirst([SIZE, Cheap("latency", (1.0,))])
    task = _task(study, names)
    found = first.objectives(study, task)
    assert (found is not None) is is_on
    assert first.objectives(study, task) is found
