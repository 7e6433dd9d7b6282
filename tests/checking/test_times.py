"""How long a budget takes, by hand."""

from __future__ import annotations

from bonas.checking.times import (
    NetworkTime,
    duration,
    megabytes,
    range_of,
    spread,
    trials_within,
    whole,
)
from bonas.studies.budget import Budget

TIMES = [
    NetworkTime(1.0, is_random=False),
    NetworkTime(9.0, is_random=False),
    NetworkTime(3.0),
    NetworkTime(5.0),
]


def test_the_mean_is_that_of_random_networks() -> None:
    assert range_of(TIMES) == (1.0, 4.0, 9.0)
    assert range_of(TIMES[:2]) == (1.0, 5.0, 9.0)


def test_what_was_cut_off_leaves_the_time_unknown() -> None:
    assert range_of([]) is None
    assert range_of([*TIMES, NetworkTime(20.0, is_least=True)]) is None


def test_a_budget_of_evaluations_takes_that_many_trials() -> None:
    assert whole((1.0, 4.0, 9.0), Budget(100.0), 1) == (100.0, 400.0, 900.0)
    assert whole((1.0, 4.0, 9.0), Budget(100.0), 4) == (25.0, 100.0, 225.0)


def test_a_budget_of_time_has_that_many_trials() -> None:
    assert trials_within((1.0, 4.0, 9.0), Budget(3600.0, "seconds")) == (400, 900, 3600)


def test_texts_have_units() -> None:
    assert [duration(x) for x in (0.0004, 0.25, 119.0, 121.0, 90_000.0, 200_000.0)] == [
        "0.4 ms",
        "250 ms",
        "119 s",
        "2.0 min",
        "25 h",
        "2.3 d",
    ]
    assert spread([1.0, 5.0]) == "1.0 s to 5.0 s"
    assert spread([1.0, 1.0]) == "1.0 s"
    assert megabytes([2e6, 1.5e9]) == "2 to 1,500 MB"
    assert megabytes([2e5]) == "under 1 MB"
