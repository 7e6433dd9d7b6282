"""Facts about the front of a report."""

from __future__ import annotations

import re

from shown_results import RESULT
from written_studies import empty, one_objective, stored, trial

from bonas.report.searched import Searched
from bonas.report.sections.front import section
from bonas.studies.records import CONSTRAINTS


def test_a_study_without_values_has_no_front() -> None:
    assert section(Searched.of(empty())) is None


def test_the_table_has_the_front_in_order_and_the_choices_that_differ() -> None:
    searched = Searched.of(RESULT.study, RESULT.space, RESULT.objectives)
    made = section(searched)
    assert made is not None
    rows = re.findall(r'<tr data-trial="(\d+)">', made.html)
    assert [int(number) for number in rows] == [trial.number for trial in searched.front]
    head = re.findall(r'<th scope="col".*?>(.*?)</th>', made.html)
    assert head[:3] == ["trial", "speed", "accuracy [%]"]
    assert {"depth", "units_0"} <= {*head[3:]}


def test_numbers_of_a_column_have_the_same_decimals_and_their_spread() -> None:
    spread = {"objective 0_sd": 0.125}
    study = stored(trial(93.15, 1.0, user_attrs=spread), trial(63.8, 0.5, user_attrs=spread))
    made = section(Searched.of(study))
    assert made is not None
    assert ">93.15 ± 0.12<" in made.html
    assert ">63.80 ± 0.12<" in made.html


def test_one_objective_has_a_best_value() -> None:
    made = section(Searched.of(one_objective()))
    assert made is not None
    assert made.title == "Best value"
    assert "1 network has the best value." in made.html


def test_an_empty_front_names_the_least_violated() -> None:
    study = stored(trial(1.0, 7.0), trial(1.0, 6.5), names=["a", "b"])
    CONSTRAINTS.write(study, {"b": {"upper": 5.0}})
    made = section(Searched.of(study))
    assert made is not None
    assert "The least violated is trial 1: b by 1.5." in made.html
