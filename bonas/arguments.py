"""Checks of arguments: one wording and one error class for numbers out of range.

A truth value is no number here, though ``bool`` is a subclass of ``int`` in Python.
"""

from __future__ import annotations

import math
from typing import TypeGuard

from bonas.errors import InvalidArgument


def is_count(value: object, *, least: int = 0) -> TypeGuard[int]:
    """Return whether ``value`` is an ``int`` of at least ``least``.

    >>> [is_count(value) for value in (0, 3, -1, True, 2.0)]
    [True, True, False, False, False]
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: object) -> TypeGuard[float]:
    """Return whether ``value`` is an ``int`` or a ``float``; it may be infinite or NaN."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_count(name: str, value: object, *, least: int = 1) -> int:
    """Return ``value`` if it is an ``int`` of at least ``least``.

    Raises:
        InvalidArgument: otherwise; the message names the argument.

    >>> check_count("budget", 0)
    Traceback (most recent call last):
        ...
    bonas.errors.InvalidArgument: budget must be a whole number of at least 1, got 0
    """
    if is_count(value, least=least):
        return value
    raise InvalidArgument(f"{name} must be a whole number of at least {least}, got {value!r}")


def check_positive(name: str, value: object, *, finite: bool = True, advice: str = "") -> float:
    """Return ``value`` if it is a number above 0, and below infinity unless ``finite`` is False.

    Raises:
        InvalidArgument: otherwise; the message names the argument and ends with ``advice``.
    """
    if is_number(value) and value > 0 and (value < math.inf or not finite):
        return value
    end = f"; {advice}" if advice else ""
    raise InvalidArgument(f"{name} must be a positive number, got {value!r}{end}")


def check_range(name: str, value: object, low: float, below: float) -> float:
    """Return ``value`` if it is a number in ``[low, below)``.

    Raises:
        InvalidArgument: otherwise; the message names the argument.
    """
    if is_number(value) and low <= value < below:
        return value
    raise InvalidArgument(f"{name} must be a number in [{low:g}, {below:g}), got {value!r}")
