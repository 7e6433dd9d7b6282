"""Axes: what they are called, and where a value lies on them.

Axis    numbers, linear or logarithmic; its range is that of the data unless it is given
Rows    one row per label from the top down, for horizontal bars
Scale   an axis with its range and its place in the picture
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bonas.report.charts.ticks import linear_ticks, log_ticks, tick_labels

LARGEST = 1e150
"""Magnitude above which a value is left out of charts: its square has to be finite."""
_MARGIN = 0.04  # of the range, on both sides


def is_drawable(value: float) -> bool:
    """Return whether a value can be drawn: not NaN, not infinite, not astronomical."""
    return abs(value) < LARGEST


@dataclass(frozen=True, slots=True)
class Axis:
    """Numbers.

    Attributes:
        title: What is on it.
        unit: Of its values.
        scale: A logarithmic one is linear where a value is not positive.
        low: The smallest value; None for that of the data, with a margin.
        high: The largest value.
        whole: Whether ticks are whole numbers only.
    """

    title: str
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    low: float | None = None
    high: float | None = None
    whole: bool = False

    def label(self) -> str:
        """Return the title and the unit, as ``latency [ms]``."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def over(self, values: Iterable[float], start: float, end: float) -> Scale:
        """Return the axis over ``values``, from ``start`` to ``end`` in the picture."""
        given = [bound for bound in (self.low, self.high) if bound is not None]
        data = [float(value) for value in values if is_drawable(value)] + given
        is_log = self.scale == "log" and bool(data) and min(data) > 1 / LARGEST
        low, high = _range(data, is_log=is_log)
        margin = _MARGIN * (high - low)
        low = low - margin if self.low is None else _transformed(self.low, is_log=is_log)
        high = high + margin if self.high is None else _transformed(self.high, is_log=is_log)
        if not high > low:
            low, high = _widened(min(low, high))
        return Scale(low, high, start, end, is_log, self.whole)


@dataclass(frozen=True, slots=True)
class Rows:
    """One row per label, from the top down; the label stands above what the row holds."""

    labels: Sequence[str]
    title: str = ""

    def label(self) -> str:
        """Return the title."""
        return self.title

    def over(self, values: Iterable[float], start: float, end: float) -> Scale:
        """Return the rows from ``start`` down to ``end``; row ``i`` is the value ``i``."""
        n = max(len(self.labels), 1)
        return Scale(-0.7, n - 0.7, min(start, end), max(start, end), False, True)


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis in the picture.

    Attributes:
        low: The value at ``start``; its logarithm to base 10 on a logarithmic axis.
        high: The value at ``end``.
        start: A coordinate.
        end: A coordinate.
        is_log: Whether it is logarithmic.
        whole: Whether ticks are whole numbers only.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False
    whole: bool = False

    def at(self, value: float) -> float:
        """Return the coordinate of a value; NaN where it has none."""
        if not is_drawable(value) or (self.is_log and value <= 1 / LARGEST):
            return math.nan
        share = (_transformed(value, is_log=self.is_log) - self.low) / (self.high - self.low)
        return self.start + min(max(share, -1.0), 2.0) * (self.end - self.start)

    def ticks(self, count: int = 6) -> list[tuple[float, str]]:
        """Return coordinates and labels of the ticks."""
        if self.is_log:
            found = log_ticks(10.0**self.low, 10.0**self.high, count)
        else:
            found = linear_ticks(self.low, self.high, count, whole=self.whole)
        return [
            (self.at(tick), label) for tick, label in zip(found, tick_labels(found), strict=True)
        ]


def _transformed(value: float, *, is_log: bool) -> float:
    return math.log10(value) if is_log else float(value)


def _range(data: Sequence[float], *, is_log: bool) -> tuple[float, float]:
    """Return the range of the data, transformed, never empty."""
    if not data:
        return 0.0, 1.0
    low, high = (_transformed(bound, is_log=is_log) for bound in (min(data), max(data)))
    is_wide = high - low > 1e-9 * max(abs(low), abs(high)) and high - low > 1e-140
    return (low, high) if is_wide else _widened(low)


def _widened(value: float) -> tuple[float, float]:
    """Return a range around a single value."""
    half = 0.05 * abs(value) if abs(value) > 1e-100 else 0.5
    return value - half, value + half
