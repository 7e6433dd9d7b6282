"""Bounds: what a text means, which ones are refused, and how far a value is outside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.errors import InvalidArgument
from bonas.evaluation import ParameterCount
from bonas.evaluation.constraint import Constraint, as_constraints, checked_names

BOUNDS = [
    ("<= 5", None, 5.0),
    ("<5", None, 5.0),
    (">= 90", 90.0, None),
    (" >= -1.5e-3 ", -1.5e-3, None),
    ("<= 1_000_000", None, 1e6),
    (">= 1, <= 5", 1.0, 5.0),
    ("<= 5 and >= 1", 1.0, 5.0),
    ("≤ .5", None, 0.5),
]


@pytest.mark.parametrize(("text", "lower", "upper"), BOUNDS)
def test_a_text_gives_bounds(text: str, lower: float | None, upper: float | None) -> None:
    assert as_constraints({"latency": text}) == (Constraint("latency", lower, upper),)


BAD = [
    ({"latency": "5"}, "'<= 5'|\"<= 5\""),
    ({"latency": "<= five"}, "got '<= five'"),
    ({"latency": "<= 1, <= 2"}, "at most one lower"),
    ({"latency": "<= nan"}, "finite bound of 'latency', got nan"),
    ({"latency": ">= -inf"}, "finite bound"),
    ({"latency": ">= 5, <= 1"}, "no value keeps both"),
    ({"latency": 5}, "got 5"),
    ({1: "<= 5"}, "names of constraints as strings, got 1"),
    ({"": "<= 5"}, "non-empty string"),
    ({"bonas:x": "<= 5"}, "cannot be named"),
    ("latency <= 5", "mapping such as"),
    (["latency"], "list of bonas.evaluation.Constraint"),
    ([Constraint("a", upper=1), Constraint("a", lower=0)], "one constraint per measurement"),
    (7, "got 7"),
]


@pytest.mark.parametrize(("given_", "message"), BAD)
def test_what_is_no_constraint_is_refused(given_: object, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        as_constraints(given_)


@pytest.mark.parametrize("bounds", [{}, {"upper": math.nan}, {"lower": True}, {"upper": "5"}])
def test_a_constraint_has_a_finite_bound(bounds: dict[str, float]) -> None:
    with pytest.raises(InvalidArgument):
        Constraint("latency", **bounds)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_value_is_feasible_exactly_between_its_bounds(a: float, b: float, value: float) -> None:
    lower, upper = min(a, b), max(a, b)
    constraint = Constraint("x", lower, upper)
    inside = lower <= value <= upper
    assert (constraint.violation(value) <= 0) == inside
    assert (constraint.relative_violation(value) == 0) == inside or (
        constraint.violation(value) < 1e-300  # a quotient that underflows
    )


def test_relative_violations_compare_units() -> None:
    # a tenth too slow weighs as much as a tenth too large
    slow = Constraint("latency", upper=5.0).relative_violation(5.5)
    large = Constraint("parameters", upper=1e6).relative_violation(1.1e6)
    assert slow == pytest.approx(large)
    assert Constraint("loss", upper=0.0).relative_violation(0.25) == 0.25
    assert math.isnan(Constraint("loss", upper=0.0).relative_violation(math.nan))


def test_a_misspelt_objective_is_refused_before_an_evaluation() -> None:
    counted = ParameterCount()
    misspelt = as_constraints({"paramters": "<= 1e6"})
    with pytest.raises(InvalidArgument, match=r"'paramters'.*'flops', 'parameters'"):
        checked_names(misspelt, counted, counted.objectives)


def test_a_function_may_measure_anything() -> None:
    misspelt = as_constraints({"paramters": "<= 1e6"})
    assert checked_names(misspelt, lambda candidate: {}, ()) == misspelt
