"""Ranges: parameters of a builder that are numbers, and where in a range a number lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

Numbers = FloatDistribution | IntDistribution
Number = Callable[[str, Numbers], float]


def middle(name: str, numbers: Numbers) -> float:
    """Return the middle of the range (of its logarithm, where the scale is), on its grid.

    >>> middle("dropout", FloatDistribution(0.0, 0.5))
    0.25
    """
    low, high = numbers.low, numbers.high
    value = math.sqrt(low) * math.sqrt(high) if numbers.log else low + (high - low) / 2
    if numbers.step is not None:
        value = low + round((value - low) / numbers.step) * numbers.step
    return int(value) if isinstance(numbers, IntDistribution) else value


def numbered(given: Mapping[str, Any]) -> Number:
    """Return a function that repeats given numbers; others are the middle of their range."""
    return lambda name, numbers: given[name] if name in given else middle(name, numbers)


def lowered(numbers: BaseDistribution, value: float, share: float) -> float:
    """Return the number at ``share`` of the way from the low end to ``value``, rounded down.

    >>> lowered(IntDistribution(4, 256), 200, 0.5), lowered(IntDistribution(1, 64, log=True), 64, 0)
    (102, 1)
    """
    assert isinstance(numbers, Numbers)
    if share >= 1:
        return value
    low = numbers.low
    found = low * (value / low) ** share if numbers.log else low + share * (value - low)
    if numbers.step is not None:
        found = low + math.floor((found - low) / numbers.step) * numbers.step
    found = min(max(found, low), value)
    return int(found) if isinstance(numbers, IntDistribution) else found
