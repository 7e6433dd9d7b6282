"""Options that a space is given, checked: each function returns them as a tuple."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

from bonas.errors import InvalidSpace, unknown

T = TypeVar("T")


def whole_numbers(name: str, values: Sequence[int], *, empty: bool = False) -> tuple[int, ...]:
    """Whole numbers of at least 1; ``name`` is what the space calls them.

    Raises:
        InvalidSpace: for something else, or for none unless ``empty`` allows it.
    """
    for value in _sequence(name, values, empty):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidSpace(f"{name} must be whole numbers of at least 1, got {value!r}")
    return tuple(values)


def whole_number(name: str, value: int) -> None:
    """Refuse what is no whole number of at least 1.

    Raises:
        InvalidSpace: naming ``name``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidSpace(f"{name} must be a whole number of at least 1, got {value!r}")


def positive_numbers(name: str, values: Sequence[float]) -> tuple[float, ...]:
    """Finite numbers above 0.

    Raises:
        InvalidSpace: for something else, or for none.
    """
    for value in _sequence(name, values, False):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and 0 < value < math.inf):
            raise InvalidSpace(f"{name} must be positive numbers, got {value!r}")
    return tuple(values)


def flags(name: str, values: Sequence[bool]) -> tuple[bool, ...]:
    """True, False or both.

    Raises:
        InvalidSpace: for something else, or for none.
    """
    for value in _sequence(name, values, False):
        if not isinstance(value, bool):
            raise InvalidSpace(f"{name} must be True or False or both, got {value!r}")
    return tuple(values)


def names(kind: str, values: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Names out of ``known``; ``kind`` is the plural of what they name.

    Raises:
        InvalidArgument: for another name.
        InvalidSpace: for none.
    """
    table = tuple(known)
    for value in _sequence(kind, values, False):
        if value not in table:
            raise unknown(f"name among the {kind}", value, table)
    return tuple(values)


def _sequence(name: str, values: Sequence[T], empty: bool) -> Sequence[T]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InvalidSpace(f"{name} must be a sequence of options, got {values!r}; put it in (,)")
    if not values and not empty:
        raise InvalidSpace(f"{name} must hold at least one option, got none")
    return values
