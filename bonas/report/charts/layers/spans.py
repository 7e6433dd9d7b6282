"""Spans of time on rows, as in a Gantt chart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bonas.report.charts.frame import Frame
from bonas.report.charts.layers.layer import Drawing, title
from bonas.report.charts.markup import element

_SHARE = 0.7  # of a row's height
_TALLEST = 18.0
_THINNEST = 0.6


@dataclass(frozen=True, slots=True)
class Spans:
    """Rectangles from ``starts`` to ``ends``, each at its value on y; rows are 1 apart.

    Attributes:
        starts: Where they begin on x.
        ends: Where they end.
        rows: Their values on y.
        series: Its look.
        label: Its name in the legend.
        trials: Their trials' numbers; empty for none.
        names: Their tooltips; empty for none.
    """

    starts: Sequence[float]
    ends: Sequence[float]
    rows: Sequence[float]
    series: str = "series-1"
    label: str = ""
    trials: Sequence[int] = ()
    names: Sequence[str] = ()

    def __len__(self) -> int:
        """Return how many spans there are."""
        return len(self.starts)

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return both ends, and the rows with their height."""
        return [*self.starts, *self.ends], [row + half for row in self.rows for half in (-0.5, 0.5)]

    def draw(self, frame: Frame) -> Drawing:
        """Return one rectangle per span, the longest ones if there are too many."""
        height = min(abs(frame.y.at(1.0) - frame.y.at(0.0)) * _SHARE, _TALLEST)
        places, (starts, rows) = frame.places(self.starts, self.rows)
        ends = [frame.x.at(self.ends[i]) for i in places]
        drawable = [i for i, end in enumerate(ends) if math.isfinite(end)]
        longest = sorted(drawable, key=lambda i: starts[i] - ends[i])[: frame.most]
        parts = []
        for i in sorted(longest):
            place = {
                "x": float(starts[i]),
                "y": float(rows[i]) - height / 2,
                "width": max(float(ends[i] - starts[i]), _THINNEST),
                "height": height,
                "data-trial": self.trials[places[i]] if self.trials else None,
            }
            name = title(self.names[places[i]] if self.names else "")
            parts.append(element("rect", {"class": f"span {self.series}", **place}, name))
        return Drawing("".join(parts), len(drawable) - len(longest))

    def swatch(self) -> str:
        """Return one of them."""
        return element("path", {"class": f"span {self.series}", "d": "M1 1H23V11H1Z"})
