"""Options of a space, checked: each function returns them as a tuple.

Values of the wrong kind are an ``InvalidArgument``. What a space forbids beyond that, such as two
options that contradict each other, is an ``InvalidSpace``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

from bonas.arguments import is_count, is_number
from bonas.errors import InvalidArgument, unknown

T = TypeVar("T")


def whole_numbers(name: str, values: Sequence[int], *, empty: bool = False) -> tuple[int, ...]:
    """Return whole numbers of at least 1; ``name`` is what the space calls them.

    Raises:
        InvalidArgument: for other values, or for no value unless ``empty`` allows it.
    """
    for value in _sequence(name, values, empty):
        if not is_count(value, least=1):
            raise InvalidArgument(f"{name} must be whole numbers of at least 1, got {value!r}")
    return tuple(values)


def positive_numbers(name: str, values: Sequence[float]) -> tuple[float, ...]:
    """Return finite numbers above 0.

    Raises:
        InvalidArgument: for other values, or for no value.
    """
    for value in _sequence(name, values, False):
        if not (is_number(value) and 0 < value < math.inf):
            raise InvalidArgument(f"{name} must be positive numbers, got {value!r}")
    return tuple(values)


def flags(name: str, values: Sequence[bool]) -> tuple[bool, ...]:
    """Return True, False or both.

    Raises:
        InvalidArgument: for other values, or for no value.
    """
    for value in _sequence(name, values, False):
        if not isinstance(value, bool):
            raise InvalidArgument(f"{name} must be True or False or both, got {value!r}")
    return tuple(values)


def names(kind: str, values: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return names out of ``known``; ``kind`` is the plural of what they name.

    Raises:
        InvalidArgument: for another name, or for no name.
    """
    table = tuple(known)
    for value in _sequence(kind, values, False):
        if value not in table:
            raise unknown(f"name among the {kind}", value, table)
    return tuple(values)


def _sequence(name: str, values: Sequence[T], empty: bool) -> Sequence[T]:
    """Return ``values`` if they are a sequence of options."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InvalidArgument(
            f"{name} must be a sequence of options, got {values!r}; put it in (,)"
        )
    if not values and not empty:
        raise InvalidArgument(f"{name} must hold at least one option, got none")
    return values
