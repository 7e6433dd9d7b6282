"""How long trials and the whole budget take, from the networks that were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bonas.studies.budget import Budget

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True, slots=True)
class NetworkTime:
    """How long the evaluation of a network takes.

    Attributes:
        seconds: All evaluators together.
        is_least: Whether it takes longer, since its evaluation was ended before.
        is_random: Whether the network was drawn, and is neither the smallest nor the largest.
    """

    seconds: float
    is_least: bool = False
    is_random: bool = True


Range = tuple[float, float, float]
"""The shortest, the mean and the longest, in seconds."""


def range_of(times: Sequence[NetworkTime]) -> Range | None:
    """Return the range of the networks; None where one is not known to its end, or there is none.

    The mean is that of the random networks, if there are any.
    """
    if not times or any(time.is_least for time in times):
        return None
    seconds = [time.seconds for time in times]
    typical = [time.seconds for time in times if time.is_random] or seconds
    return min(seconds), sum(typical) / len(typical), max(seconds)


def whole(trial: Range, budget: Budget, workers: int) -> Range:
    """Return how long a budget of evaluations takes ``workers`` at once."""
    rounds = budget.amount / workers
    return trial[0] * rounds, trial[1] * rounds, trial[2] * rounds


def trials_within(trial: Range, budget: Budget) -> tuple[int, int, int]:
    """Return how many trials a budget of time has: at least, by the mean, at most."""
    short, mean, long = (max(seconds, 1e-6) for seconds in trial)
    return int(budget.amount / long), int(budget.amount / mean), int(budget.amount / short)


def duration(seconds: float) -> str:
    """Return a duration as text, with two or three digits.

    >>> duration(0.0123), duration(5.34), duration(90), duration(5400)
    ('12 ms', '5.3 s', '90 s', '90 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.2g} ms" if seconds < 0.1 else f"{1000 * seconds:.0f} ms"
    size, unit = next((s, u) for s, u in _UNITS if seconds >= 2 * s or s == 1.0)
    amount = seconds / size
    return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"


def spread(times: Sequence[float]) -> str:
    """Return the shortest and the longest of some durations as text."""
    low, high = duration(min(times)), duration(max(times))
    return low if low == high else f"{low} to {high}"


def megabytes(sizes: Sequence[float]) -> str:
    """Return the smallest and the largest of some numbers of bytes as text."""
    low, high = min(sizes) / 1e6, max(sizes) / 1e6
    if high < 1:
        return "under 1 MB"
    if f"{low:,.0f}" == f"{high:,.0f}":
        return f"{low:,.0f} MB"
    return f"{low:,.0f} to {high:,.0f} MB"
