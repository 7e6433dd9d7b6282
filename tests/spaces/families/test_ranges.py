"""Numbers in ranges: the middle, and what lies below a value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution, IntDistribution

from bonas.spaces.families.ranges import lowered, middle, numbered


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (FloatDistribution(0.0, 1.0), 0.5),
        (FloatDistribution(1e-4, 1.0, log=True), 1e-2),
        (FloatDistribution(0.0, 0.8, step=0.4), 0.4),
        (IntDistribution(0, 100), 50),
        (IntDistribution(10, 1000, log=True), 100),
        (IntDistribution(1, 100, step=3), 49),
    ],
)
def test_the_middle_of_a_range(numbers: Any, expected: float) -> None:
    value = middle("x", numbers)
    assert value == pytest.approx(expected)
    assert numbers._contains(value)


@given(st.integers(1, 50), st.integers(1, 200), st.integers(1, 7), st.floats(0, 1), st.data())
def test_a_lowered_number_is_in_its_range_and_no_larger(
    low: int, width: int, step: int, share: float, data: st.DataObject
) -> None:
    kinds = [
        IntDistribution(low, low + width * step, step=step),
        IntDistribution(low, low + width, log=True),
        FloatDistribution(low, low + width, log=True),
        FloatDistribution(low, low + width),
    ]
    numbers = data.draw(st.sampled_from(kinds))
    value = middle("a", numbers)
    found = lowered(numbers, value, share)
    assert numbers._contains(found)
    assert numbers.low <= found <= value
    assert lowered(numbers, value, 0.0) == numbers.low
    assert lowered(numbers, value, 1.0) == value


def test_numbers_that_are_not_given_are_in_the_middle() -> None:
    number = numbered({"a": 0.1})
    assert number("a", FloatDistribution(0.0, 1.0)) == 0.1
    assert number("b", FloatDistribution(0.0, 1.0)) == 0.5
