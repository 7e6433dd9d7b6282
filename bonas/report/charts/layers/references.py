"""Reference lines: the diagonal of equal values, and a level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bonas.report.charts.frame import Frame
from bonas.report.charts.layers.layer import Drawing
from bonas.report.charts.markup import coordinate, element


@dataclass(frozen=True, slots=True)
class Diagonal:
    """The line on which x and y are equal; both axes have the same scale."""

    label: str = ""

    def __len__(self) -> int:
        """Return 0: it has no points."""
        return 0

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return nothing."""
        return (), ()

    def draw(self, frame: Frame) -> Drawing:
        """Return a dashed line over what both axes show."""
        low, high = max(frame.x.low, frame.y.low), min(frame.x.high, frame.y.high)
        if not low < high or frame.x.is_log != frame.y.is_log:
            return Drawing("")
        ends = [10.0**end if frame.x.is_log else end for end in (low, high)]
        places = [f"{coordinate(frame.x.at(e))} {coordinate(frame.y.at(e))}" for e in ends]
        return Drawing(element("path", {"class": "line reference", "d": f"M{'L'.join(places)}"}))

    def swatch(self) -> str:
        """Return a piece of it."""
        return element("path", {"class": "line reference", "d": "M1 6H23"})


@dataclass(frozen=True, slots=True)
class Level:
    """A line at one value of an axis."""

    value: float
    axis: Literal["x", "y"] = "y"
    label: str = ""

    def __len__(self) -> int:
        """Return 0: it has no points."""
        return 0

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return its value."""
        return ([self.value], ()) if self.axis == "x" else ((), [self.value])

    def draw(self, frame: Frame) -> Drawing:
        """Return a dashed line from edge to edge."""
        at = (frame.x if self.axis == "x" else frame.y).at(self.value)
        if not math.isfinite(at):
            return Drawing("")
        place = coordinate(at)
        if self.axis == "x":
            path = f"M{place} {coordinate(frame.top)}V{coordinate(frame.bottom)}"
        else:
            path = f"M{coordinate(frame.left)} {place}H{coordinate(frame.right)}"
        return Drawing(element("path", {"class": "line reference", "d": path}))

    def swatch(self) -> str:
        """Return a piece of it."""
        return element("path", {"class": "line reference", "d": "M1 6H23"})
