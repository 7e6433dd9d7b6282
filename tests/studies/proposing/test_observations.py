"""Observations: measured, pending and failed trials, values and their variances."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    FloatDistribution,
)
from optuna.trial import TrialState

from bonas.evaluation import Measurement, as_objectives
from bonas.evaluation.curve import packed
from bonas.spaces import CellSpace
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.task import Task
from bonas.studies.records import ERROR
from bonas.studies.study import open_study


def test_measured_pending_and_failed_trials_are_separated() -> None:
    space = CellSpace(nodes=2)
    operations = list(space.operations)[1:]
    study = optuna.create_study(directions=["maximize", "minimize"])
    distributions: dict[str, BaseDistribution] = {**space.distributions}

    def add(operation: str, state: TrialState, **more: object) -> None:
        values = [90.0, 2.0] if state == TrialState.COMPLETE else None
        study.add_trial(
            optuna.create_trial(
                params={"edge_0_1": operation},
                distributions=distributions,
                values=values,
                state=state,
                **more,  # type: ignore[arg-type]  # passed through
            )
        )

    add(operations[0], TrialState.COMPLETE)
    add(operations[1], TrialState.RUNNING)
    add(operations[2], TrialState.FAIL, user_attrs={ERROR.key: "Traceback ..."})
    add(operations[3], TrialState.FAIL)  # abandoned: may come again
    observations = Observations.of(study, Task.of(study, space, Parameters({})))
    assert [p.params["edge_0_1"] for p in observations.points] == [operations[0]]
    assert observations.values.tolist() == [[90.0, -2.0]]
    assert [p.params["edge_0_1"] for p in observations.pending] == [operations[1]]
    keys = [space.architecture({"edge_0_1": o}).key for o in operations]
    assert observations.excluded == {(key,) for key in keys[:3]}


def test_trials_with_infinite_values_teach_nothing() -> None:
    study = optuna.create_study()
    study.add_trial(
        optuna.create_trial(
            params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, value=math.inf
        )
    )
    observations = Observations.of(
        study, Task.of(study, None, Parameters({"x": FloatDistribution(0, 1)}))
    )
    assert observations.points == []
    assert observations.excluded == {(("x", 0.5),)}


def test_the_noise_that_an_evaluation_reports_is_read_with_its_value() -> None:
    objectives = as_objectives({"accuracy": "maximize", "latency": "minimize"})
    study = open_study(None, None, objectives, {}, optuna.samplers.RandomSampler())
    space = CellSpace(nodes=2)
    for attributes in ({"accuracy_sd": 0.5}, {"latency_sd": 2}, {"accuracy_sd": "?"}, {}):
        trial = study.ask(dict(space.distributions))
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        study.tell(trial, [90.0, 3.0])
    observations = Observations.of(study, Task.of(study, space, Parameters({})))
    found = observations.variances.nan_to_num(-1.0)
    assert found.tolist() == [[0.25, -1.0], [-1.0, 4.0], [-1.0, -1.0], [-1.0, -1.0]]


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED])
def test_what_was_measured_before_an_evaluation_ended_is_observed(state: TrialState) -> None:
    """A latency is known of a network whose training failed; its accuracy is not."""
    objectives = as_objectives({"accuracy": "maximize", "latency": "minimize"})
    study = open_study(None, None, objectives, {}, optuna.samplers.RandomSampler())
    space = CellSpace(nodes=2)
    complete = study.ask(dict(space.distributions))
    study.tell(complete, [90.0, 3.0])
    broken = study.ask(dict(space.distributions))
    early = [Measurement({"latency": 2.0}), Measurement({"accuracy": 50.0}, step=1)]
    for key, text in packed(early).items():
        broken.storage.set_trial_system_attr(broken._trial_id, key, text)
    broken.set_user_attr("latency_sd", 0.5)
    study.tell(broken, state=state)
    observations = Observations.of(study, Task.of(study, space, Parameters({})))
    assert len(observations.points) == 2
    assert observations.values.nan_to_num(-1.0).tolist() == [[90.0, -3.0], [-1.0, -2.0]]
    assert observations.variances.nan_to_num(-1.0).tolist() == [[-1.0, -1.0], [-1.0, 0.25]]
    assert observations.is_complete.tolist() == [True, False]
    assert observations.complete_points == observations.points[:1]


def test_a_failure_that_measured_nothing_is_no_observation() -> None:
    objectives = as_objectives({"accuracy": "maximize", "latency": "minimize"})
    study = open_study(None, None, objectives, {}, optuna.samplers.RandomSampler())
    space = CellSpace(nodes=2)
    study.tell(study.ask(dict(space.distributions)), state=TrialState.FAIL)
    observations = Observations.of(study, Task.of(study, space, Parameters({})))
    assert observations.points == []
    assert observations.values.shape == (0, 2)
