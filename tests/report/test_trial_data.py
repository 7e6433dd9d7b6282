"""Facts about the JSON of all trials."""

from __future__ import annotations

import json
import math
import re

from optuna.distributions import CategoricalDistribution, FloatDistribution
from shown_results import RESULT
from written_studies import HOSTILE, hostile, not_finite, stored, trial

from bonas.report.searched import Searched
from bonas.report.searched_trial import OUTCOMES
from bonas.report.trial_data import FRONT, trial_data


def test_every_trial_is_there_with_its_values_and_choices() -> None:
    searched = Searched.of(RESULT.study, RESULT.space, RESULT.objectives)
    data = json.loads(trial_data(searched))
    m = len(data["objectives"])
    for row, expected in zip(data["trials"], searched.trials, strict=True):
        assert row[0] == expected.number
        assert OUTCOMES[row[1]] == expected.outcome
        assert bool(row[2] & FRONT) == (expected in searched.front)
        values = [expected.values.get(o.name) for o in searched.objectives]
        assert row[4 : 4 + m] == values
        for (name, options), at in zip(data["parameters"], row[4 + m :], strict=True):
            chosen = expected.choices.get(name)
            assert (None if at is None else options[at]) == (
                None if chosen is None else str(chosen)
            )


def test_it_cannot_end_its_element() -> None:
    text = trial_data(Searched.of(hostile()))
    assert not re.search("[<>&]", text)
    (name, options), *_ = json.loads(text)["parameters"]
    assert name == HOSTILE[:59] + "…"
    assert len(options) == 2


def test_what_is_not_finite_is_null() -> None:
    data = json.loads(trial_data(Searched.of(not_finite())))
    assert data["trials"][0][4:] == [None, 1]


def test_numbers_that_are_all_different_stand_in_the_rows() -> None:
    rate = {"rate": FloatDistribution(0.0, 1.0)}
    trials = [trial(1.0, params={"rate": i / 100}, distributions=rate) for i in range(80)]
    data = json.loads(trial_data(Searched.of(stored(*trials, directions=("maximize",)))))
    assert data["parameters"] == [["rate", None]]
    assert [row[-1] for row in data["trials"]] == [i / 100 for i in range(80)]


def test_a_choice_that_is_nan_is_text() -> None:
    odd = CategoricalDistribution([math.nan, 1.0])
    study = stored(
        trial(1.0, params={"a": math.nan}, distributions={"a": odd}), directions=("maximize",)
    )
    assert json.loads(trial_data(Searched.of(study)))["parameters"] == [["a", ["nan"]]]
