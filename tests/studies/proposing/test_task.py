"""A task: which objectives, which way they are better, and what counts as an improvement."""

from __future__ import annotations

import optuna
import pytest
import torch
from optuna.distributions import FloatDistribution

from bonas.errors import InvalidArgument
from bonas.evaluation import ACCURACY, LATENCY
from bonas.spaces import NASBench201
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.task import Task, default_reference_point
from bonas.studies.study import open_study

NOTHING = Parameters({})


def values(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_a_study_that_names_its_values_names_the_objectives() -> None:
    study = open_study(None, None, (ACCURACY, LATENCY), {}, optuna.samplers.RandomSampler())
    task = Task.of(study, NASBench201(), NOTHING)
    assert [goal.name for goal in task.objectives] == ["accuracy", "latency"]
    assert task.directions == ["maximize", "minimize"]
    assert task.is_named


def test_objectives_without_names_are_numbered() -> None:
    task = Task.of(optuna.create_study(directions=["minimize"] * 2), None, NOTHING)
    assert [goal.name for goal in task.objectives] == ["objective 0", "objective 1"]
    assert not task.is_named


def test_equal_tasks_are_equal() -> None:
    study = optuna.create_study(direction="minimize")
    space = NASBench201()
    numbers = Parameters({"rate": FloatDistribution(0.0, 1.0)})
    assert Task.of(study, space, numbers) == Task.of(study, space, numbers)
    assert Task.of(study, space, numbers) != Task.of(study, space, NOTHING)
    assert Task.of(study, space, NOTHING, [0.5]) != Task.of(study, space, NOTHING)


@pytest.mark.parametrize("point", [(), (1.0,), (1.0, 2.0, 3.0)])
def test_a_reference_point_has_one_value_per_objective(point: tuple[float, ...]) -> None:
    with pytest.raises(InvalidArgument, match=rf"{len(point)} value\(s\), the study 2 objectives"):
        Task(None, NOTHING, (ACCURACY, LATENCY), reference_point=point)


def test_a_given_reference_point_is_oriented() -> None:
    task = Task(None, NOTHING, (ACCURACY, LATENCY), reference_point=(50.0, 9.0))
    assert task.oriented_reference_point(values([1.0, 1.0])).tolist() == [50.0, -9.0]


def test_the_default_is_a_tenth_of_the_range_below_the_worst() -> None:
    found = default_reference_point(values([90.0, -3.0], [80.0, -1.0], [85.0, -2.0]))
    assert found.tolist() == pytest.approx([80 - 1.0, -3 - 0.2])
    task = Task(None, NOTHING, (ACCURACY, LATENCY))
    assert task.oriented_reference_point(values([90.0, -3.0])).tolist() == pytest.approx(
        [90 - 9.0, -3 - 0.3]  # one value has no range: a tenth of its size
    )


def test_the_default_of_values_around_zero_lies_below_them() -> None:
    assert default_reference_point(values([0.0], [0.0])).tolist() == pytest.approx([-0.1])


def test_a_range_that_overflows_has_a_finite_default() -> None:
    found = default_reference_point(values([1.7e308], [-1.7e308]))
    assert bool(torch.isfinite(found).all())
