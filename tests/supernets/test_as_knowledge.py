"""A supernet as knowledge of a search: its scores are a source task, never values of the study."""

from __future__ import annotations

import math

import pytest

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import ShortTraining
from bonas.studies import SourceTask
from bonas.studies.warm_start import split_source_tasks
from bonas.supernets import Supernet
from tests.trained_supernets import IRIS as _SPACE
from tests.trained_supernets import ON_IRIS as _TRAINING
from tests.trained_supernets import trained


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return trained(_SPACE, _TRAINING, 30, "uniform")


def test_its_scores_become_a_source_task_of_the_objective(supernet: Supernet) -> None:
    (source,), rest = split_source_tasks(supernet)
    assert rest is None
    assert [(goal.name, goal.direction) for goal in source.objectives] == [("accuracy", "maximize")]
    scored = dict(zip(map(str, source.choices), source.values[:, 0].tolist(), strict=True))
    some = source.choices[0]
    assert math.isclose(scored[str(some)], supernet.score(some))


def test_a_cost_to_be_minimised_has_its_own_direction() -> None:
    made = Supernet(_SPACE, ShortTraining("iris", epochs=1, metric="cross_entropy"))
    made.fit(8, rule="uniform", progress=False)
    (source,), _ = split_source_tasks(made)
    assert [(goal.name, goal.direction) for goal in source.objectives] == [
        ("cross_entropy", "minimize")
    ]
    assert source.values[0, 0] == -made.score(source.choices[0])


def test_it_goes_along_with_other_knowledge(supernet: Supernet) -> None:
    rows = [({"depth": 1, "width_1": 8}, {"accuracy": 71.0})]
    other = SourceTask.of_rows("other", rows, {"accuracy": "maximize"})
    sources, rest = split_source_tasks([other, supernet, {"some": "row"}])
    assert [source.task for source in sources] == ["other", "supernet"]
    assert rest == [{"some": "row"}]


def test_a_search_with_a_supernet_stores_nothing_but_its_own_measurements(
    supernet: Supernet,
) -> None:
    result = bonas.optimize(
        _SPACE, 6, evaluate=_TRAINING, warm_start=supernet, seed=0, progress=False
    )
    assert len(result.study.trials) == 6
    assert all(candidate.values["accuracy"] >= 0 for candidate in result.candidates)


def test_a_supernet_that_was_not_trained_knows_nothing() -> None:
    with pytest.raises(InvalidArgument, match="expected a supernet that was trained"):
        split_source_tasks(Supernet(_SPACE, _TRAINING))
