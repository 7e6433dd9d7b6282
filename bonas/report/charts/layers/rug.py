"""Rug: short ticks at the bottom edge for what has a place on x only, such as failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bonas.report.charts.frame import Frame
from bonas.report.charts.layers.layer import Drawing, title
from bonas.report.charts.markup import coordinate, element
from bonas.report.charts.thinning import points_kept

_LENGTH = 10.0


@dataclass(frozen=True, slots=True)
class Rug:
    """Ticks on x.

    Attributes:
        xs: Values on x.
        series: Its look.
        label: Its name in the legend.
        trials: Their trials' numbers; empty for none.
        names: Their tooltips; empty for none.
        height: How high above the bottom edge they begin, so that two rugs do not overlap.
    """

    xs: Sequence[float]
    series: str = "failed"
    label: str = ""
    trials: Sequence[int] = ()
    names: Sequence[str] = ()
    height: float = 0.0

    def __len__(self) -> int:
        """Return how many ticks there are."""
        return len(self.xs)

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return the values on x."""
        return self.xs, ()

    def draw(self, frame: Frame) -> Drawing:
        """Return one tick per value."""
        rows, (xs,) = frame.places(self.xs)
        kept = points_kept(xs, xs, frame.most)
        y, parts = coordinate(frame.bottom - self.height), []
        if not self.trials and not self.names:  # nothing tells them apart
            path = "".join(f"M{coordinate(float(xs[i]))} {y}v-{coordinate(_LENGTH)}" for i in kept)
            drawn = element("path", {"class": f"rug {self.series}", "d": path}) if path else ""
            return Drawing(drawn, len(rows) - len(kept))
        for i in kept:
            row = rows[i]
            attributes = {
                "class": f"rug {self.series}",
                "d": f"M{coordinate(float(xs[i]))} {y}v-{coordinate(_LENGTH)}",
                "data-trial": self.trials[row] if self.trials else None,
            }
            name = title(self.names[row] if self.names else "")
            parts.append(element("path", attributes, name))
        return Drawing("".join(parts), len(rows) - len(kept))

    def swatch(self) -> str:
        """Return three of them."""
        return element(
            "path", {"class": f"rug {self.series}", "d": "M6 11v-10M12 11v-10M18 11v-10"}
        )
