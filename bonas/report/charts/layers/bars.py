"""Horizontal bars from zero, or from another origin, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bonas.report.charts.frame import Frame
from bonas.report.charts.layers.layer import Drawing, title
from bonas.report.charts.markup import coordinate, element

_HALF = 6.0  # of a bar's height


@dataclass(frozen=True, slots=True)
class Bars:
    """One bar per row of ``Rows``; a value that cannot be drawn has none.

    Attributes:
        values: Their ends, from the top row down.
        lows: Lower ends of their intervals; empty for none.
        highs: Upper ends.
        series: Its look.
        label: Its name in the legend.
        names: Their tooltips; empty for none.
        origin: Where they begin.
    """

    values: Sequence[float]
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()
    series: str = "series-1"
    label: str = ""
    names: Sequence[str] = ()
    origin: float = 0.0

    def __len__(self) -> int:
        """Return how many bars there are."""
        return len(self.values)

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return the ends of bars and intervals, and the rows."""
        return [self.origin, *self.values, *self.lows, *self.highs], range(len(self.values))

    def draw(self, frame: Frame) -> Drawing:
        """Return one rectangle per bar, and a line per interval."""
        origin, parts = frame.x.at(self.origin), []
        for row, value in enumerate(self.values):
            x, y = frame.x.at(value), frame.y.at(row)
            if not (math.isfinite(x) and math.isfinite(y)):
                continue
            place = {
                "x": float(min(x, origin)),
                "y": y - _HALF,
                "width": float(abs(x - origin)),
                "height": 2 * _HALF,
            }
            name = title(self.names[row] if self.names else "")
            parts.append(element("rect", {"class": f"bar {self.series}", **place}, name))
            parts.append(self._interval(frame, row, y))
        return Drawing("".join(parts))

    def swatch(self) -> str:
        """Return one of them."""
        return element("path", {"class": f"bar {self.series}", "d": "M1 1H23V11H1Z"})

    def _interval(self, frame: Frame, row: int, y: float) -> str:
        if not self.lows:
            return ""
        low, high = frame.x.at(self.lows[row]), frame.x.at(self.highs[row])
        if not (math.isfinite(low) and math.isfinite(high)):
            return ""
        start, end = coordinate(low), coordinate(high)
        caps = f"M{start} {coordinate(y - 4)}v8M{end} {coordinate(y - 4)}v8"
        path = f"M{start} {coordinate(y)}H{end}{caps}"
        return element("path", {"class": "interval", "d": path})
