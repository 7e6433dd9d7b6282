"""Facts about a result, which is read from its study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from candidates import OneNetwork
from optuna.trial import TrialState, create_trial
from torch import nn

from bonas import SearchResult
from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import Objective
from bonas.studies.architecture_measurements import (
    ArchitectureMeasurement,
    ArchitectureMeasurements,
)
from bonas.studies.records import BUDGET, ERROR, PREDICTION

ACCURACY = Objective("accuracy", "maximize", "%")
LATENCY = Objective("latency", "minimize", "ms")
SPACE = OneNetwork(nn.Identity)


def result(*objectives: Objective) -> SearchResult:
    """Return the result of a study without trials."""
    goals = objectives or (ACCURACY, LATENCY)
    study = optuna.create_study(directions=[goal.direction for goal in goals])
    return SearchResult(study, SPACE, goals)


def add(
    found: SearchResult, values: list[float] | None, state: str = "COMPLETE", **more: Any
) -> None:
    """Add a trial of the space to the study of a result."""
    found.study.add_trial(
        create_trial(
            state=TrialState[state],
            values=values,
            params={"which": "this"},
            distributions=dict(SPACE.distributions),
            **more,
        )
    )


def test_the_front_begins_with_the_best_of_the_first_objective() -> None:
    found = result()
    for values in ([70.0, 1.0], [90.0, 5.0], [85.0, 6.0], [80.0, 2.0]):
        add(found, values)
    assert [c.values["accuracy"] for c in found.front] == [90.0, 80.0, 70.0]
    assert len(found.candidates) == 4
    assert found.best().values == {"accuracy": 90.0, "latency": 5.0}
    assert found.best("latency").values == {"accuracy": 70.0, "latency": 1.0}


def test_of_an_objective_to_be_minimised_the_least_comes_first() -> None:
    found = result(LATENCY, ACCURACY)
    for values in ([5.0, 90.0], [1.0, 70.0]):
        add(found, values)
    assert [c.values["latency"] for c in found.front] == [1.0, 5.0]


def test_equal_bests_of_one_objective_are_both_on_the_front() -> None:
    found = result(ACCURACY)
    for values in ([90.0], [80.0], [90.0]):
        add(found, values)
    assert [c.number for c in found.front] == [0, 2]


def test_trials_of_other_spaces_are_no_candidates() -> None:
    found = result(ACCURACY)
    add(found, [90.0])
    other = optuna.distributions.CategoricalDistribution(("a", "b"))
    found.study.add_trial(
        create_trial(value=99.0, params={"else": "a"}, distributions={"else": other})
    )
    assert [c.values["accuracy"] for c in found.candidates] == [90.0]


def test_an_empty_result_is_false_and_has_no_best() -> None:
    found = result()
    assert not found
    assert found.headline() == ""
    assert str(found) == "nothing was evaluated yet"
    with pytest.raises(EvaluationFailed, match=r"no candidate was evaluated yet; see result\.fail"):
        found.best()
    with pytest.raises(InvalidArgument, match="unknown objective 'speed'"):
        found.best("speed")


def test_the_headline_has_the_best_of_each_objective_with_its_unit() -> None:
    found = result(ACCURACY, Objective("size", "minimize"))
    add(found, [91.23456, 1200.0])
    add(found, [80.0, 300.0])
    assert found.headline() == "front 2, best 91.23 % / 300"


def test_what_is_missing_and_what_was_pruned_follows_the_table() -> None:
    found = result(ACCURACY)
    BUDGET.write(found.study, 5)
    add(found, [90.0])
    add(found, None, "PRUNED")
    assert (found.missing, found.pruned) == (3, [1])
    assert str(found).splitlines()[-1] == "2 of 5 evaluated, 1 pruned"
    BUDGET.write(found.study, 2)
    assert found.missing == 0
    assert str(found).splitlines()[-1] == "1 pruned"


def test_failures_have_their_tracebacks() -> None:
    found = result(ACCURACY)
    add(found, [90.0])
    add(found, None, "FAIL", user_attrs={ERROR.key: "Traceback\nValueError: no"})
    add(found, None, "FAIL")
    assert found.failures == {1: "Traceback\nValueError: no"}


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "no JSON",
        "[]",
        '{"mean": [1.0]}',
        '{"mean": [1.0], "sd": [0.1], "weights": [[1.0]]}',
        '{"mean": 1.0, "sd": 0.1, "weights": 1.0}',
    ],
)
def test_predictions_of_other_programs_are_left_out(stored: str | None) -> None:
    found = result()
    add(found, [90.0, 1.0], system_attrs={} if stored is None else {PREDICTION.key: stored})
    assert found.predictions == {}


def test_a_prediction_is_read_by_objective() -> None:
    found = result()
    text = '{"mean": [90.0, 5.0], "sd": [1.0, 0.5], "weights": [[0.25, 0.75], [1.0]]}'
    add(found, [91.0, 4.0], system_attrs={PREDICTION.key: text})
    (prediction,) = found.predictions.values()
    assert prediction.mean == {"accuracy": 90.0, "latency": 5.0}
    assert prediction.sd == {"accuracy": 1.0, "latency": 0.5}
    assert prediction.weights == {"accuracy": [0.25, 0.75], "latency": [1.0]}


def test_a_plot_is_saved_where_a_path_is_given(tmp_path: Path) -> None:
    found = result()
    add(found, [90.0, 5.0])
    figure = found.plot(tmp_path / "front.svg")
    assert "<svg" in (tmp_path / "front.svg").read_text()
    assert found.plot() is not figure


def test_measurements_without_a_trial_are_shown_with_what_they_cost() -> None:
    found = result()
    add(found, [70.0, 1.0])
    assert "measured" not in str(found)
    assert found.measured == []
    cheap = ArchitectureMeasurement({"which": "that"}, {"latency": 3.0}, 1.5)
    score = ArchitectureMeasurement({"which": "this"}, {"synflow": 3.0}, 9.0)
    ArchitectureMeasurements(found.study, SPACE).add([cheap, score])
    assert found.measured == [cheap]
    assert "1 networks measured before one was chosen, 1.5 s" in str(found)
