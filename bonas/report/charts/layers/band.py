"""Band between two lines, such as an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bonas.report.charts.frame import Frame
from bonas.report.charts.layers.layer import Drawing
from bonas.report.charts.markup import coordinate, element
from bonas.report.charts.thinning import line_kept


@dataclass(frozen=True, slots=True)
class Band:
    """The area from ``lows`` to ``highs``.

    Attributes:
        xs: In increasing order.
        lows: One per x.
        highs: One per x.
        series: Its look.
        label: Its name in the legend.
    """

    xs: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    series: str = "series-1"
    label: str = ""

    def __len__(self) -> int:
        """Return how many points it has."""
        return len(self.xs)

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return all values."""
        return self.xs, [*self.lows, *self.highs]

    def draw(self, frame: Frame) -> Drawing:
        """Return an area."""
        _, (xs, lows, highs) = frame.places(self.xs, self.lows, self.highs)
        half = frame.most if len(xs) <= frame.most else frame.most // 2
        kept = sorted({*line_kept(lows, half), *line_kept(highs, half)})
        if not kept:
            return Drawing("")
        there = [f"{coordinate(float(xs[i]))} {coordinate(float(lows[i]))}" for i in kept]
        back = [f"{coordinate(float(xs[i]))} {coordinate(float(highs[i]))}" for i in kept[::-1]]
        path = f"M{' '.join(there)} {' '.join(back)}Z"
        drawn = element("path", {"class": f"band {self.series}", "d": path})
        return Drawing(drawn, len(xs) - len(kept))

    def swatch(self) -> str:
        """Return a piece of it."""
        return element("path", {"class": f"band {self.series}", "d": "M1 1H23V11H1Z"})
