"""Points, with or without error bars, that belong to trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bonas.report.charts.frame import Frame
from bonas.report.charts.layers.layer import Drawing, title
from bonas.report.charts.markup import coordinate, element
from bonas.report.charts.thinning import points_kept

_RADIUS = 4.0
_MARKS = {  # by series, so that they differ without colour; a circle is the default
    "front": "diamond",
    "failed": "cross",
    "stopped": "triangle",
    "series-2": "square",
    "series-3": "triangle",
    "series-4": "diamond",
    "series-5": "cross",
}
_SHAPES = {
    "circle": "m-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0",
    "square": "m-{r} -{r}h{d}v{d}h-{d}z",
    "diamond": "m0 -{w}l{w} {w}l-{w} {w}l-{w} -{w}z",
    "triangle": "m0 -{w}l{w} {d}h-{b}z",
    "cross": "m-{r} -{r}l{d} {d}m0 -{d}l-{d} {d}",
}


@dataclass(frozen=True, slots=True)
class Points:
    """Points; those that cannot be drawn are skipped.

    Each has the number of its trial as ``data-trial``, and the keyboard reaches the first: a script
    moves the focus on.

    Attributes:
        xs: Values on x.
        ys: Values on y.
        series: Its look.
        label: Its name in the legend.
        trials: Their trials' numbers; empty for none.
        names: Their tooltips; empty for none.
        x_errors: Half the lengths of their error bars on x; NaN or 0 for none.
        y_errors: The same on y.
        always: Rows that are drawn however many points there are.
    """

    xs: Sequence[float]
    ys: Sequence[float]
    series: str = "evaluated"
    label: str = ""
    trials: Sequence[int] = ()
    names: Sequence[str] = ()
    x_errors: Sequence[float] = ()
    y_errors: Sequence[float] = ()
    always: Sequence[int] = field(default=())

    def __len__(self) -> int:
        """Return how many points it has."""
        return len(self.xs)

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return all values, and the ends of the error bars."""
        return _ends(self.xs, self.x_errors), _ends(self.ys, self.y_errors)

    def draw(self, frame: Frame) -> Drawing:
        """Return one mark per point."""
        rows, (xs, ys) = frame.places(self.xs, self.ys)
        always = {*self.always}
        fixed = [i for i, row in enumerate(rows) if row in always]
        kept = points_kept(xs, ys, frame.most, fixed)
        places = [(rows[i], float(xs[i]), float(ys[i])) for i in kept]
        bars = "".join(self._bars(frame, row) for row, _, _ in places)
        errors = element("path", {"class": f"error {self.series}", "d": bars}) if bars else ""
        if self.trials or self.names:
            marks = [self._mark(*place, is_first=not i) for i, place in enumerate(places)]
            drawn = element("g", {"class": f"mark {self.series}"}, *marks) if marks else ""
        else:
            drawn = self._together([(x, y) for _, x, y in places])
        return Drawing(errors + drawn, len(rows) - len(kept))

    def swatch(self) -> str:
        """Return one of them."""
        return element("path", {"class": f"mark {self.series}", "d": self._shape(12.0, 6.0)})

    def _mark(self, row: int, x: float, y: float, *, is_first: bool) -> str:
        """Return one point, as an element of its own."""
        attributes: dict[str, object] = {"d": self._shape(x, y)}
        if self._is_round:
            attributes = {"cx": x, "cy": y}  # the style sheet has its radius
        name = self.names[row] if self.names else ""
        if self.trials:
            attributes |= {"data-trial": self.trials[row]}
            if is_first:  # the script of the page lets the focus go on to the others
                attributes |= {"tabindex": 0, "role": "img"}
            if not name:  # a title is a name, too
                attributes |= {"aria-label": f"trial {self.trials[row]}"} if is_first else {}
        return element("circle" if self._is_round else "path", attributes, title(name))

    def _together(self, places: Sequence[tuple[float, float]]) -> str:
        """Return all points as one path, for those that nothing tells apart."""
        if not places:
            return ""
        if self._is_round and self.series != "infeasible":
            path = "".join(f"M{coordinate(x)} {coordinate(y)}h0" for x, y in places)
            return element("path", {"class": f"mark dots {self.series}", "d": path})
        path = "".join(self._shape(x, y) for x, y in places)
        return element("path", {"class": f"mark {self.series}", "d": path})

    @property
    def _is_round(self) -> bool:
        return self.series not in _MARKS

    def _shape(self, x: float, y: float) -> str:
        r = _RADIUS
        sizes = {"r": r, "d": 2 * r, "w": 1.3 * r, "b": 2.6 * r}
        shape = _SHAPES[_MARKS.get(self.series, "circle")]
        relative = shape.format(**{key: coordinate(size) for key, size in sizes.items()})
        return f"M{coordinate(x)} {coordinate(y)}{relative}"

    def _bars(self, frame: Frame, row: int) -> str:
        """Return the path of the error bars of a point."""
        x, y, parts = self.xs[row], self.ys[row], []
        if self.x_errors and self.x_errors[row] > 0:
            ends = [frame.x.at(x - self.x_errors[row]), frame.x.at(x + self.x_errors[row])]
            ends = [frame.left if np.isnan(ends[0]) else ends[0], ends[1]]  # below 0 on a log axis
            if np.isfinite(ends).all():
                at = coordinate(frame.y.at(y))
                parts.append(f"M{coordinate(ends[0])} {at}H{coordinate(ends[1])}")
        if self.y_errors and self.y_errors[row] > 0:
            ends = [frame.y.at(y - self.y_errors[row]), frame.y.at(y + self.y_errors[row])]
            ends = [frame.bottom if np.isnan(ends[0]) else ends[0], ends[1]]
            if np.isfinite(ends).all():
                at = coordinate(frame.x.at(x))
                parts.append(f"M{at} {coordinate(ends[0])}V{coordinate(ends[1])}")
        return "".join(parts)


def _ends(values: Sequence[float], errors: Sequence[float]) -> list[float]:
    if not errors:
        return list(values)
    pairs = [(v, e if e > 0 else 0.0) for v, e in zip(values, errors, strict=True)]
    return [v - e for v, e in pairs] + [v + e for v, e in pairs]
