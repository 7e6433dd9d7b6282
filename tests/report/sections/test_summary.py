"""Facts about what a summary says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shown_results import RESULT
from written_studies import STUDIES

from bonas.evaluation.constraint import Constraint
from bonas.report.searched import Searched
from bonas.report.sections.summary import section
from bonas.studies.budget import Budget

SEARCHED = Searched.of(RESULT.study, RESULT.space, RESULT.objectives)


def test_it_says_what_was_searched_and_what_is_best() -> None:
    text = section(SEARCHED).html
    for part in (
        "12 networks were evaluated, the whole budget of 12",  # and, if it took a second, how long
        f"family, {RESULT.space.size} combinations",
        "accuracy [%], higher is better",
        "12: 11 measured, 1 failed",
        "Best accuracy",
        "1 exception",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("empty", "Nothing was evaluated yet: the study has no trials."),
        ("running", "The search was running when this was written (1 under way)."),
        ("failed_throughout", "No evaluation has given a value for each objective yet."),
        ("one_objective", "Another program made this study"),
        ("not_finite", "2 without finite values"),
    ],
)
def test_it_says_what_is_out_of_the_ordinary(name: str, part: str) -> None:
    assert part in section(Searched.of(STUDIES[name]())).html


def test_a_budget_that_is_not_used_says_how_much_is() -> None:
    some = replace(SEARCHED, budget=Budget(40.0))
    assert "12 of a budget of 40" in section(some).html
    timed = replace(SEARCHED, budget=Budget(7200.0, "seconds"), spent=60.0)
    assert "in 60 s of 2 h" in section(timed).html


def test_constraints_that_nothing_keeps_are_named() -> None:
    bound = Constraint("accuracy", lower=50.0)
    none = replace(
        SEARCHED,
        constraints=(bound,),
        trials=tuple(replace(trial, is_feasible=False) for trial in SEARCHED.trials),
    )
    assert "No network keeps the constraints (accuracy &gt;= 50)." in section(none).html
