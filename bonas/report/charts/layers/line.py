"""Line through points, or steps from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bonas.report.charts.frame import Frame
from bonas.report.charts.layers.layer import Drawing, title
from bonas.report.charts.markup import coordinate, element
from bonas.report.charts.thinning import line_kept


@dataclass(frozen=True, slots=True)
class Line:
    """A line; values that cannot be drawn are skipped, and a single point is a dot.

    Attributes:
        xs: In increasing order.
        ys: One per x.
        series: Its look.
        label: Its name in the legend.
        steps: Whether a value holds until the next.
        trial: The number of the trial whose line it is.
        name: Its tooltip.
    """

    xs: Sequence[float]
    ys: Sequence[float]
    series: str = "series-1"
    label: str = ""
    steps: bool = False
    trial: int | None = None
    name: str = ""

    def __len__(self) -> int:
        """Return how many points it has."""
        return len(self.xs)

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return all values."""
        return self.xs, self.ys

    def draw(self, frame: Frame) -> Drawing:
        """Return a path."""
        rows, (xs, ys) = frame.places(self.xs, self.ys)
        kept = line_kept(ys, frame.most)
        places = [(coordinate(float(xs[i])), coordinate(float(ys[i]))) for i in kept]
        if not places:
            return Drawing("")
        start = f"M{places[0][0]} {places[0][1]}"
        if len(places) == 1:
            path = f"{start}h0"  # round ends make it a dot
        elif self.steps:
            path = start + "".join(f"H{x}V{y}" for x, y in places[1:])
        else:
            path = f"{start}L" + " ".join(f"{x} {y}" for x, y in places[1:])
        attributes = {"class": f"line {self.series}", "d": path, "data-trial": self.trial}
        if len(places) == 1:
            attributes["class"] = f"line dot {self.series}"
        return Drawing(element("path", attributes, title(self.name)), len(rows) - len(kept))

    def swatch(self) -> str:
        """Return a piece of it."""
        return element("path", {"class": f"line {self.series}", "d": "M1 6H23"})
