"""A salvaged trial becomes a trial of the new study: whole, or to be evaluated again."""

from __future__ import annotations

import math
from datetime import datetime

import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    distribution_to_json,
)
from optuna.trial import TrialState

from bonas.evaluation.candidate import INDEX
from bonas.studies.outcomes import counts
from bonas.studies.records import RELEASED
from bonas.studies.salvage.salvaged import SalvagedTrial

X = distribution_to_json(FloatDistribution(0.0, 1.0))
KIND = distribution_to_json(CategoricalDistribution(["relu", "gelu"]))


def _proposed(**fields: object) -> SalvagedTrial:
    trial = SalvagedTrial(number=3)
    trial.set_param("x", X, 0.5)
    for name, value in fields.items():
        setattr(trial, name, value)
    return trial


def test_a_whole_trial_is_complete_with_its_times() -> None:
    start, end = datetime(2026, 1, 2), datetime(2026, 1, 3)
    trial = _proposed(state=TrialState.COMPLETE, values={0: 1.0, 1: 2.0}, start=start, complete=end)
    found = trial.frozen(2, 3)
    assert (found.state, found.values, found.params) == (
        TrialState.COMPLETE,
        [1.0, 2.0],
        {"x": 0.5},
    )
    assert (found.datetime_start, found.datetime_complete) == (start, end)
    assert INDEX not in found.user_attrs


@pytest.mark.parametrize("values", [{}, {0: 1.0}, {0: 1.0, 1: math.nan}])
@pytest.mark.parametrize("state", [TrialState.COMPLETE, None])
def test_a_complete_trial_whose_values_are_lost_is_released(
    state: TrialState | None, values: dict[int, float]
) -> None:
    found = _proposed(state=state, values=values).frozen(2, 3)
    assert (found.state, found.values) == (TrialState.FAIL, None)
    assert RELEASED.is_in(found)
    assert not counts(found)


def test_a_trial_whose_state_is_lost_is_complete_if_its_values_are_there() -> None:
    found = _proposed(values={0: 1.0}).frozen(1, 3)
    assert (found.state, found.values) == (TrialState.COMPLETE, [1.0])


def test_a_running_trial_is_released_even_with_values() -> None:
    found = _proposed(state=TrialState.RUNNING, values={0: 1.0}).frozen(1, 3)
    assert (found.state, found.values) == (TrialState.FAIL, None)
    assert RELEASED.is_in(found)


def test_the_reason_of_an_earlier_release_is_kept() -> None:
    released = RELEASED.holding("its worker died")
    trial = _proposed(state=TrialState.RUNNING, system_attrs=released)
    assert RELEASED.read(trial.frozen(1, 3)) == "its worker died"


def test_a_failed_trial_stays_failed_and_a_waiting_one_waits() -> None:
    failed = _proposed(state=TrialState.FAIL).frozen(1, 3)
    assert (failed.state, RELEASED.is_in(failed)) == (TrialState.FAIL, False)
    waiting = _proposed(state=TrialState.WAITING).frozen(1, 3)
    assert (waiting.state, RELEASED.is_in(waiting)) == (TrialState.WAITING, False)


@pytest.mark.parametrize(("values", "kept"), [({0: 1.5}, [1.5]), ({}, None)])
def test_a_pruned_trial_keeps_the_values_that_it_has(
    values: dict[int, float], kept: list[float] | None
) -> None:
    trial = _proposed(state=TrialState.PRUNED, values=values, intermediate={2: 1.5})
    found = trial.frozen(1, 3)
    assert (found.state, found.values) == (TrialState.PRUNED, kept)
    assert found.intermediate_values == {2: 1.5}


def test_a_trial_that_gets_another_number_keeps_its_index() -> None:
    assert _proposed(values={0: 1.0}).frozen(1, 2).user_attrs[INDEX] == 3
    reissued = _proposed(values={0: 1.0}, user_attrs={INDEX: 1})
    assert reissued.frozen(1, 2).user_attrs[INDEX] == 1


def test_a_trial_without_a_proposal_or_a_number_gets_no_index() -> None:
    assert INDEX not in SalvagedTrial(number=3, values={0: 1.0}).frozen(1, 2).user_attrs
    assert INDEX not in _proposed(number=-1, values={0: 1.0}).frozen(1, 2).user_attrs


@pytest.mark.parametrize(
    ("distribution", "value"), [(X, 7.0), (X, math.nan), (KIND, 2.0), (KIND, math.inf)]
)
def test_a_value_that_its_distribution_does_not_contain_is_refused(
    distribution: str, value: float
) -> None:
    trial = SalvagedTrial()
    with pytest.raises(ValueError, match="no value of 'x'"):
        trial.set_param("x", distribution, value)
    assert (trial.params, trial.distributions) == ({}, {})
