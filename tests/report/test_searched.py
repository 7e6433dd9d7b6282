"""Facts about a study as a report reads it."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from shown_results import RESULT
from written_studies import STUDIES, stored, trial

import bonas
from bonas.evaluation import Objective
from bonas.report.searched import Searched
from bonas.report.space_text import settings_of

SEARCHED = Searched.of(RESULT.study, RESULT.space, RESULT.objectives)


def test_it_agrees_with_the_result() -> None:
    assert [t.number for t in SEARCHED.front] == [c.number for c in RESULT.front]
    assert [t.number for t in SEARCHED.finished] == [c.number for c in RESULT.candidates]
    assert {t.index: t.failure.text for t in SEARCHED.failed if t.failure} == dict(RESULT.failures)
    assert SEARCHED.objectives == tuple(RESULT.objectives)
    assert (SEARCHED.budget.amount, SEARCHED.spent, SEARCHED.seed) == (12, 12, 0)


def test_values_are_those_of_the_trials_in_their_units() -> None:
    expected = [[c.values[o.name] for o in RESULT.objectives] for c in RESULT.candidates]
    assert SEARCHED.values.tolist() == expected
    assert np.array_equal(SEARCHED.oriented, SEARCHED.values)  # both are maximised


def test_predictions_are_those_of_the_result() -> None:
    space = bonas.spaces.CellSpace(nodes=3, channels=4, cells=1, stages=1)
    result = bonas.optimize(
        space,
        12,
        evaluate=lambda c: {"size": space.costs(c.choices)["parameters"]},
        objectives={"size": "minimize"},
        surrogate="gp",
        progress=False,
    )
    found = {t.number: t.prediction for t in Searched.of(result.study, space).trials}
    assert {number: each for number, each in found.items() if each} == result.predictions
    assert result.predictions


def test_a_study_of_another_program_has_numbered_objectives() -> None:
    found = Searched.of(stored(trial(1.0, 2.0)))
    assert [o.name for o in found.objectives] == ["objective 0", "objective 1"]
    assert found.front[0].values == {"objective 0": 1.0, "objective 1": 2.0}
    assert not found.is_of_bonas


def test_names_that_no_study_of_bonas_can_have_are_numbered() -> None:
    found = Searched.of(stored(trial(1.0, 2.0), names=["a\0b", "objective 0"]))
    assert [o.name for o in found.objectives] == ["objective 0", "objective 1"]
    assert found.front[0].values == {"objective 0": 1.0, "objective 1": 2.0}


def test_units_are_no_setting_of_the_space() -> None:
    study = STUDIES["hostile_units"]()
    assert settings_of(Searched.of(study)) == []


def test_units_are_the_given_ones_and_else_the_usual_ones() -> None:
    study = stored(names=["accuracy", "energy"])
    assert [o.unit for o in Searched.of(study).objectives] == ["%", ""]
    given = [Objective("accuracy", "maximize", "points"), Objective("energy", "minimize", "J")]
    assert [o.unit for o in Searched.of(study, None, given).objectives] == ["points", "J"]


def test_a_unit_without_end_is_cut() -> None:
    given = [Objective("accuracy", "maximize", "x" * 400)]
    first, _ = Searched.of(stored(names=["accuracy", "energy"]), None, given).objectives
    assert first.unit == "x" * 31 + "…"


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_kept_off_the_front(value: float) -> None:
    found = Searched.of(stored(trial(value, 1.0), trial(1.0, 2.0)))
    assert [t.outcome for t in found.trials] == ["not_finite", "measured"]
    assert [t.number for t in found.front] == [1]
    assert found.trials[0].values == {"objective 1": 1.0}


def test_a_search_that_is_empty_has_no_front() -> None:
    found = Searched.of(stored())
    assert found.front == found.finished == found.failed == ()
    assert found.values.shape == (0, 2)
    assert found.best(found.objectives[0]) is None
    assert found.began is None


def test_each_state_of_a_trial_has_its_outcome() -> None:
    now = datetime(2026, 1, 1)
    running = create_trial(state=TrialState.RUNNING)
    running.datetime_start = now
    study = stored(
        create_trial(state=TrialState.FAIL),
        create_trial(
            state=TrialState.FAIL, system_attrs={"bonas:released": "its worker was stopped"}
        ),
        create_trial(state=TrialState.FAIL, user_attrs={"bonas:error": "Traceback\nValueError: 1"}),
        create_trial(state=TrialState.PRUNED),
        create_trial(
            state=TrialState.PRUNED,
            user_attrs={"bonas:stopped_early": {"reason": "behind", "fidelity": 0.5}},
        ),
        trial(1.0, 1.0, user_attrs={"bonas:known": "x"}),
        running,
    )
    study.enqueue_trial({"x": 1})
    found = Searched.of(study)
    assert [t.outcome for t in found.trials] == [
        "failed",
        "released",
        "failed",
        "pruned",
        "stopped",
        "known",
        "running",
        "waiting",
    ]
    assert [t.number for t in found.failed] == [0, 2]
    assert found.trials[2].failure is not None
    assert found.trials[2].failure.message == "ValueError: 1"
    assert found.trials[4].stop is not None
    assert found.trials[4].stop.fidelity == 0.5


def test_attributes_of_other_programs_are_ignored() -> None:
    spoilt = {"bonas:worker": 1, "bonas:device": [], "bonas:index": "x", "objective 0_sd": "y"}
    prediction = {"bonas:prediction": '{"mean": ["a", 1], "sd": [1, 1], "weights": [[], []]}'}
    found = Searched.of(stored(trial(1.0, 1.0, user_attrs=spoilt, system_attrs=prediction)))
    (only,) = found.trials
    assert (only.worker, dict(only.device), only.index, dict(only.sds)) == ("", {}, 0, {})
    assert only.prediction is None


def test_trials_outside_the_space_are_not_finished() -> None:
    space = RESULT.space
    choice = {"depth": CategoricalDistribution([1, 2, 3])}
    study = stored(
        trial(1.0, 1.0, params={"depth": 1}, distributions=choice),
        trial(2.0, 2.0, params={"rate": 0.5}, distributions={"rate": FloatDistribution(0, 1)}),
    )
    found = Searched.of(study, space)
    assert [t.is_member for t in found.trials] == [False, False]
    assert found.front == ()
    assert len(Searched.of(study).front) == 2
