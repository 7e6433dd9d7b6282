"""Numbers out of range are refused in one wording, whatever the argument is called."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bonas.arguments import (
    check_count,
    check_positive,
    check_range,
    is_count,
    is_number,
)
from bonas.errors import InvalidArgument


@pytest.mark.parametrize("value", [-1, 0, 2.0, True, "3", None, np.int64(3), math.nan])
def test_a_count_is_an_int_of_at_least_1(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^jobs must be a whole number of at least 1, got "):
        check_count("jobs", value)


def test_a_check_returns_the_value_that_it_accepts() -> None:
    assert check_count("jobs", 3) == 3
    assert check_count("seed", 0, least=0) == 0
    assert check_positive("lease", 0.5) == 0.5
    assert check_range("share", 0, 0.0, 1.0) == 0


def test_the_least_count_is_in_the_message() -> None:
    with pytest.raises(InvalidArgument, match=r"^nodes must be .* of at least 2, got 1$"):
        check_count("nodes", 1, least=2)


@pytest.mark.parametrize("value", [0, -0.5, math.inf, math.nan, True, "1", None])
def test_a_positive_number_is_above_0_and_finite(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^width must be a positive number, got "):
        check_positive("width", value)


def test_infinity_is_positive_where_it_is_allowed() -> None:
    assert check_positive("lease", math.inf, finite=False) == math.inf
    assert check_positive("max_params", 10**400) == 10**400  # beyond every float
    with pytest.raises(InvalidArgument, match="got nan"):
        check_positive("lease", math.nan, finite=False)


def test_advice_ends_the_message() -> None:
    with pytest.raises(InvalidArgument, match=r"got 0; None sets no bound$"):
        check_positive("max_params", 0, advice="None sets no bound")


@pytest.mark.parametrize("value", [-0.1, 1, 1.0, math.nan, False, "0.5", None])
def test_a_range_leaves_out_its_end(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^share must be a number in \[0, 1\), got "):
        check_range("share", value, 0.0, 1.0)


def test_truth_values_are_no_numbers() -> None:
    assert [is_number(value) for value in (1, 0.5, math.nan, True, "1", None)] == 3 * [True] + (
        3 * [False]
    )
    assert not is_count(True)
