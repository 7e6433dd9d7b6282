"""Options of a space: each kind is returned as a tuple, and others are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bonas.errors import InvalidArgument
from bonas.spaces.options import flags, names, positive_numbers, whole_numbers


def colours(name: str, values: Any) -> tuple[str, ...]:
    return names(name, values, ["red", "blue"])


GOOD: list[tuple[Callable[..., Any], Any, tuple[Any, ...]]] = [
    (whole_numbers, [3, 1], (3, 1)),
    (positive_numbers, [0.5, 2], (0.5, 2)),
    (flags, [True], (True,)),
    (colours, ["blue"], ("blue",)),
]
BAD: list[tuple[Callable[..., Any], Any, str]] = [
    (whole_numbers, [0], "x must be whole numbers of at least 1, got 0"),
    (whole_numbers, [True], "x must be whole numbers of at least 1, got True"),
    (whole_numbers, [], "x must hold at least one option, got none"),
    (whole_numbers, 3, r"x must be a sequence of options, got 3; put it in \(,\)"),
    (positive_numbers, [float("inf")], "x must be positive numbers, got inf"),
    (positive_numbers, [float("nan")], "x must be positive numbers, got nan"),
    (positive_numbers, ["1"], "x must be positive numbers, got '1'"),
    (flags, [1], "x must be True or False or both, got 1"),
    (flags, [], "x must hold at least one option"),
    (colours, ["green"], "unknown name among the x 'green'; expected one of 'blue', 'red'"),
    (colours, "red", "x must be a sequence of options, got 'red'"),
]


@pytest.mark.parametrize(("check", "values", "expected"), GOOD)
def test_options_become_a_tuple(check: Any, values: Any, expected: tuple[Any, ...]) -> None:
    assert check("x", values) == expected
    assert isinstance(check("x", values), tuple)


def test_no_option_at_all_may_be_allowed() -> None:
    assert whole_numbers("x", [], empty=True) == ()


@pytest.mark.parametrize(("check", "values", "message"), BAD)
def test_other_options_are_refused_by_name(check: Any, values: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        check("x", values)
