"""Ticks of an axis: round numbers within its range, and their labels.

    linear    1, 2, 2.5 or 5 times a power of ten apart
    log       powers of ten; within less than two decades 1, 2 and 5 times these; within less than
              a third of a decade those of a linear axis

Paper: P. S. Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from bonas.report.charts.numbers import engineering, suffix

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def linear_ticks(low: float, high: float, count: int = 6, *, whole: bool = False) -> list[float]:
    """Return at most ``count`` round numbers in [low, high], at least two; ``whole``: integers.

    Fewer than two where the range has no more whole numbers.

    >>> linear_ticks(0.0, 9.3)
    [0.0, 2.0, 4.0, 6.0, 8.0]
    >>> linear_ticks(91.2, 91.9)
    [91.2, 91.4, 91.6, 91.8]
    """
    step = _step((high - low) / max(count, 2), whole=whole)
    while len(found := _multiples(step, low, high)) > count:
        step = _step(step * 1.01, whole=whole)
    return found


def log_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Return at most ``count`` round numbers in [low, high], both positive.

    >>> log_ticks(0.5, 2_000.0)
    [1.0, 10.0, 100.0, 1000.0]
    >>> log_ticks(3.0, 60.0)
    [5.0, 10.0, 20.0, 50.0]
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 2:
        stride = math.ceil((last - first + 1) / count)
        start = first + (-first) % stride
        return [10.0**power for power in range(start, last + 1, stride)]
    powers = range(math.floor(math.log10(low)), last + 1)
    round_ones = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    found = [tick for tick in round_ones if low <= tick <= high]
    return found[-count:] if len(found) >= 3 else linear_ticks(low, high, count)


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Return one label per tick, all with the decimals that tell the ticks apart.

    >>> tick_labels([0.0, 2.5, 5.0]), tick_labels([0.0, 500_000.0, 1_000_000.0])
    (['0.0', '2.5', '5.0'], ['0', '500k', '1,000k'])
    """
    if not ticks:
        return []
    gaps = [abs(b - a) for a, b in itertools.pairwise(ticks) if a != b]
    if max(gaps, default=1.0) > 5 * min(gaps, default=1.0):  # a logarithmic axis
        return [_label(tick, engineering(abs(tick)), abs(tick)) for tick in ticks]
    exponent = engineering(max(map(abs, ticks)) or 1.0)
    if exponent > 0 and gaps and min(gaps) < 1e-3 * 10.0**exponent:
        exponent = 0  # a suffix would need as many decimals
    elif exponent > 0 and min(gaps, default=math.inf) < 10.0**exponent:
        exponent -= 3 if exponent > 3 else 0
    return [_label(tick, exponent, min(gaps, default=abs(tick))) for tick in ticks]


def _label(tick: float, exponent: int, step: float) -> str:
    if tick == 0 and exponent:
        return "0"
    scaled, size = tick / 10.0**exponent, step / 10.0**exponent
    decimals = _decimals(size)
    return f"{scaled:,.{decimals}f}{suffix(exponent)}"


def _decimals(step: float) -> int:
    """Return how many decimals a multiple of a step needs."""
    if step <= 0:
        return 0
    digits = f"{step:.3g}"
    plain = f"{float(digits):.15f}".rstrip("0")
    return len(plain.partition(".")[2])


def _step(least: float, *, whole: bool) -> float:
    """Return the smallest round step of at least ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    step = next(float(f"{s * power:.12g}") for s in _STEPS if s * power >= least * (1 - 1e-9))
    return float(max(1, math.ceil(step))) if whole else step


def _multiples(step: float, low: float, high: float) -> list[float]:
    """Return the multiples of a step in [low, high], without binary dust."""
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
