"""What a baseline observes of a study."""

from __future__ import annotations

import numpy as np
import optuna
from baseline_searches import Layers, Numbers, digits, searched_layers
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.baselines.observations import Observations, key


def test_every_other_trial_is_observed_in_order() -> None:
    space = Numbers()
    study = optuna.create_study(direction="minimize")
    for digit, state in enumerate((TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING)):
        params = {"a": digit, "b": 0, "c": 0}
        value = {"value": 7.0} if state == TrialState.COMPLETE else {}
        study.add_trial(
            create_trial(params=params, distributions={**space.distributions}, state=state, **value)
        )
    study.add_trial(create_trial(params={}, value=1.0))  # of another space
    observed = Observations.of(study, space, number=2)
    assert [choices["a"] for choices in observed.choices] == [0, 1]
    assert observed.values[0] == [-7.0]
    assert np.isnan(observed.values[1]).all()
    assert observed.seen == {digits(0, 0, 0), digits(1, 0, 0)}
    assert observed.best(5) == [{"a": 0, "b": 0, "c": 0}]


def test_a_trial_of_a_conditional_space_is_observed_by_what_applies() -> None:
    space = Layers()
    study = searched_layers(METHODS["random"].make(space, 0), 12)
    observed = Observations.of(study, space, number=-1)
    assert [dict(choices) for choices in observed.choices] == [t.params for t in study.trials]
    assert len(observed.seen) == len({frozenset(t.params.items()) for t in study.trials})


def test_a_part_of_a_combination_is_not_observed() -> None:
    space = Layers()
    study = optuna.create_study(direction="maximize")
    for params in ({"depth": 2, "w1": 8}, {"depth": 1, "w1": 8}, {"depth": 1, "w1": 7}):
        distributions = {n: CategoricalDistribution((1, 2, 3, 7, 8)) for n in params}
        study.add_trial(create_trial(params=params, distributions={**distributions}, value=1.0))
    observed = Observations.of(study, space, number=-1)
    assert list(observed.choices) == [{"depth": 1, "w1": 8}]


def test_keys_name_their_parameters_and_have_no_order() -> None:
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    assert key({"a": 1, "b": 2}) != key({"a": 2, "b": 1})
    assert key({"depth": 1, "w1": 8}) != key({"depth": 1, "w2": 8})


def test_the_first_and_the_best_are_rows_of_the_whole() -> None:
    choices = [{"x": i} for i in range(4)]
    observed = Observations(choices, np.array([[1.0], [np.nan], [3.0], [2.0]]))
    assert observed.first(2).choices == choices[:2]
    assert observed.finished.choices == [{"x": 0}, {"x": 2}, {"x": 3}]
    assert observed.best(2) == [{"x": 2}, {"x": 3}]
    assert observed.seen == {key(c) for c in choices}
