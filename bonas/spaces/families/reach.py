"""How far numbers may go, so that a network keeps the bounds of its space.

Numbers whose network is too large are moved towards the low ends of their ranges, all by the same
share of their way, until it fits:

    x(s) = low + s (x - low),   s = the largest of 0, 1/64, ..., 1 whose network keeps the bounds

Integers move first, since they are mostly sizes; the others (a rate, a factor) only where that is
not enough. The bisection assumes that a network grows with its numbers; the result does not depend
on that, since the network of the numbers that are returned was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, IntDistribution

from bonas.spaces.families.ranges import lowered

Values = Mapping[str, Any]

_BISECTIONS = 6


def reachable(
    numeric: Mapping[str, BaseDistribution],
    numbers: Values,
    fits: Callable[[Values], bool],
    fixed: Collection[str] = (),
    share: float = 1.0,
) -> dict[str, Any] | None:
    """Return the numbers if their network fits, else lower ones that do; None if none do.

    Args:
        numeric: The range of each number.
        numbers: A value for each of these.
        fits: Returns whether the network of some numbers keeps the bounds.
        fixed: The names that may not move.
        share: How much of the feasible way up from the low ends to go; 1 gives the largest network.
    """
    if fits(numbers):
        return dict(numbers)
    free = [name for name in numbers if name not in fixed]
    whole = [name for name in free if isinstance(numeric[name], IntDistribution)]
    for names in (whole, free):
        moved = _moved(numeric, numbers, names, 0.0)
        if names and fits(moved):
            most = _most(lambda s, names=names: fits(_moved(numeric, numbers, names, s)))  # type: ignore[misc]  # bound now
            found = _moved(numeric, numbers, names, share * most)
            return found if fits(found) else _moved(numeric, numbers, names, most)
    return None


def _moved(
    numeric: Mapping[str, BaseDistribution], numbers: Values, names: Collection[str], share: float
) -> dict[str, Any]:
    return {
        name: lowered(numeric[name], value, share) if name in names else value
        for name, value in numbers.items()
    }


def _most(fits: Callable[[float], bool]) -> float:
    """Bisect for the largest share that fits, where 0 does and 1 does not."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        half = (low + high) / 2
        low, high = (half, high) if fits(half) else (low, half)
    return low
