"""The frame that layers draw in: two scales and the box between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bonas.report.charts.axis import Scale
from bonas.report.charts.thinning import Coordinates


@dataclass(frozen=True, slots=True)
class Frame:
    """Two scales; ``most`` is how many points a layer may draw."""

    x: Scale
    y: Scale
    most: int

    @property
    def left(self) -> float:
        """The smallest coordinate on x."""
        return min(self.x.start, self.x.end)

    @property
    def right(self) -> float:
        """The largest coordinate on x."""
        return max(self.x.start, self.x.end)

    @property
    def top(self) -> float:
        """The smallest coordinate on y."""
        return min(self.y.start, self.y.end)

    @property
    def bottom(self) -> float:
        """The largest coordinate on y."""
        return max(self.y.start, self.y.end)

    def places(
        self, xs: Sequence[float], *ys: Sequence[float]
    ) -> tuple[list[int], list[Coordinates]]:
        """Return the rows that can be drawn, and coordinates: of ``xs``, then of each ``ys``."""
        columns = [[self.x.at(x) for x in xs], *([self.y.at(y) for y in each] for each in ys)]
        table = np.array(columns, np.float64).reshape(1 + len(ys), len(xs))
        rows = np.flatnonzero(np.isfinite(table).all(axis=0))
        return [int(row) for row in rows], list(table[:, rows])
